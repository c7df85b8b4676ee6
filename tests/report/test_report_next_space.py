"""next_space.yaml: the advice as a space that runs, and never against it."""

import dataclasses
import errno
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from synthetic_run import SPACE, digits, make_run, manifest

from fcsearch.report import build_report, known_measurements, write_report
from fcsearch.report.judgement import Finding, Pull, Verdict
from fcsearch.report.model import Report
from fcsearch.report.moves import move
from fcsearch.report.next_space import NEXT_SPACE, next_space
from fcsearch.report.verdict import NOT_SHOWN, NOTHING
from fcsearch.results import RunDirectory, rank_trials
from fcsearch.results.patience import Patience, patient
from fcsearch.results.records import row_config
from fcsearch.space import Choices, Constant, Range, SearchSpace, load_space, shipped_spaces

Make = Callable[..., SearchSpace | None]
WHOLE = SearchSpace.from_mapping({**SPACE, "dataset": "digits", "early_stopping": "asha"})


@pytest.fixture(scope="module")
def report(made_run: RunDirectory) -> Report:
    return build_report(made_run, **vars(known_measurements(made_run)))


@pytest.fixture
def make(made_run: RunDirectory, report: Report, tmp_path: Path) -> Make:
    """The next space where these findings are all that there are; None where nothing is advised."""
    ranked = rank_trials(made_run.trials()).to_pylist()

    def make(*findings: Finding, space: SearchSpace = WHOLE, **changes: Any) -> SearchSpace | None:
        trust = dataclasses.replace(report.trust, findings=findings)
        text = next_space(dataclasses.replace(report, **{"trust": trust, **changes}), space, ranked)
        if text is None:
            return None
        (tmp_path / NEXT_SPACE).write_text(text)
        return load_space(tmp_path / NEXT_SPACE)

    return make


def pull(kind: str, **pulls: Any) -> Finding:
    return Finding(kind, f"For {kind}.", tuple(Pull(name, way) for name, way in pulls.items()))


def ends(space: SearchSpace | None, name: str) -> tuple[Any, Any]:
    parameter = space.parameters[name]
    if isinstance(parameter, Range):
        return parameter.low, parameter.high
    values = parameter.finite_values() or ()
    return min(values), max(values)


def best_values(report: Report) -> dict[str, Any]:
    return report.best.parameters


def test_an_edge_is_widened(make: Make) -> None:
    assert ends(make(pull("edge", dropout="up")), "dropout") == (0.0, 0.75)
    low, high = ends(make(pull("edge", learning_rate="down")), "learning_rate")
    assert low == pytest.approx(1e-4 / (1e4 ** (1 / 3)), rel=0.05)
    assert high == 1.0
    assert ends(make(pull("edge", depth="up")), "depth") == (2, 5)
    assert ends(make(pull("edge", hidden_dim="up")), "hidden_dim") == (16, 256)


def test_what_cannot_be_moved_stays(make: Make) -> None:
    assert ends(make(pull("edge", momentum="up"), space=WHOLE), "momentum")[1] < 1
    space = WHOLE.changed(["parameters.dropout={low: 0.0, high: 0.9}"])
    assert ends(make(pull("edge", dropout="up"), space=space), "dropout")[1] < 1


@pytest.mark.parametrize("kind", ["edge", "overfit", "diverged", "smaller", "last_epoch"])
@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize("name", ["learning_rate", "depth", "hidden_dim", "dropout", "momentum", "epochs"])
def test_it_is_never_against_the_advice(make: Make, report: Report, name: str, way: str, kind: str) -> None:
    found = make(pull(kind, **{name: way}))
    if found is None:
        return
    (low, high), (old_low, old_high) = ends(found, name), ends(WHOLE, name)
    assert (low >= old_low and high >= old_high) if way == "up" else (low <= old_low and high <= old_high)
    best = best_values(report).get(name)
    assert best is None or low <= best <= high


def test_a_parameter_that_is_pulled_both_ways_stays(make: Make, report: Report) -> None:
    trust = dataclasses.replace(report.trust, findings=(), torn=tuple(SPACE["parameters"]))
    assert make(trust=trust) is None
    asked = dataclasses.replace(trust, findings=(pull("edge", epochs="up"),))
    assert make(trust=asked) is not None


def test_what_mattered_is_narrowed_to_where_the_good_trials_lie(make: Make, report: Report) -> None:
    found = make()
    low, high = ends(found, "learning_rate")
    # Good at learning rates near 0.01, by the formula.
    assert 1e-4 < low < 1e-2 < high < 1.0
    assert low <= best_values(report)["learning_rate"] <= high
    unimportant = tuple(dataclasses.replace(effect, importance=None) for effect in report.effects)
    assert make(effects=unimportant) is None


def test_more_epochs_than_a_constant_are_a_range_that_has_it(make: Make) -> None:
    assert ends(make(pull("last_epoch", epochs="up")), "epochs") == (10, 20)


def test_a_regulariser_that_was_not_searched_is_added(make: Make, report: Report) -> None:
    space = WHOLE.changed(["parameters.dropout=null"])
    best = dataclasses.replace(report.best, row={**report.best.row, "dropout": 0.0, "reg": 0.0})
    found = make(pull("overfit", dropout="up", reg="up"), space=space, best=best)
    assert ends(found, "dropout") == (0.0, 0.5)
    assert found.parameters["reg"] == Choices("reg", (0.0, 1e-5, 1e-4, 1e-3))


def test_a_change_that_no_space_can_have_is_left_out(make: Make, report: Report) -> None:
    linear = SearchSpace.from_mapping({"parameters": {"depth": 1, "learning_rate": {"low": 1e-4, "high": 1.0}}})
    best = dataclasses.replace(report.best, row={**report.best.row, "dropout": 0.0})
    assert make(pull("overfit", dropout="up"), space=linear, best=best, effects=()) is None


def test_a_choice_that_goes_takes_what_it_needs_along(make: Make, report: Report, made_run: RunDirectory) -> None:
    ranked = rank_trials(made_run.trials()).to_pylist()
    good = {row["update_rule"] for row in ranked[:11]}
    [effect] = [effect for effect in report.effects if effect.parameter == "update_rule"]
    importance = next(effect.importance for effect in report.effects if effect.importance and effect.importance.low > 0)
    found = make(effects=(dataclasses.replace(effect, importance=importance),))
    if good == {"sgd", "sgd_momentum", "adam"}:
        assert found is None
        return
    left = set(found.parameters["update_rule"].finite_values() or ())
    assert good <= left
    assert ("momentum" in found.parameters) == ("sgd_momentum" in left)


def test_a_grid_is_searched_whole_and_has_no_use_for_observations(make: Make, tmp_path: Path) -> None:
    grid = SearchSpace.from_mapping(
        {
            "sampler": "grid",
            "parameters": {"epochs": 10, "hidden_dim": {"choices": [16, 64, 128]}, "depth": {"choices": [2, 3, 4]}},
        }
    )
    found = make(pull("edge", hidden_dim="up"), space=grid, sampler="grid", effects=())
    assert found.trials == 12
    assert "--from" not in (tmp_path / NEXT_SPACE).read_text()


@pytest.mark.parametrize("claim", [NOTHING, NOT_SHOWN])
def test_after_a_verdict_it_has_the_first_remedy_and_claims_no_more(
    make: Make, report: Report, tmp_path: Path, claim: str
) -> None:
    trust = dataclasses.replace(report.trust, verdict=Verdict(claim, "x."))
    assert make(trust=trust) is None
    assert make(best=None) is None
    remedies = (("objective=roc_auc", "class_weight=balanced"), ("objective=log_loss",))
    found = make(trust=dataclasses.replace(trust, remedies=remedies))
    assert found == WHOLE.changed(remedies[0])
    head = (tmp_path / NEXT_SPACE).read_text().splitlines()[:4]
    assert head[0] == f"# What to try next: in the run synthetic, {claim}."
    assert "--from" not in head[3]


@pytest.mark.parametrize(
    ("definition", "way", "good"),
    [
        ("learning_rate={low: 0.001, high: 0.1, log: true}", "up", 0.1),
        ("learning_rate={low: 0.001, high: 0.1, log: true}", "up", 0.0999),
        ("learning_rate={low: 0.001, high: 0.1}", "down", 0.001),
        ("depth={low: 2, high: 5}", "up", 5),
        ("depth={low: 2, high: 5}", "down", 2),
    ],
)
def test_a_cut_range_is_never_a_point(definition: str, way: str, good: float) -> None:
    """Even where all the good trials lie at its end."""
    name = definition.partition("=")[0]
    parameter = WHOLE.changed([f"parameters.{definition}"]).parameters[name]
    assert isinstance(parameter, Range)
    change = move(parameter, way, [good] * 3, kinds={"smaller"}, why="")
    low, high = change.entry["low"], change.entry["high"]
    assert low <= good <= high
    whole, left = (
        math.log(b / a) if parameter.log else b - a for a, b in ((parameter.low, parameter.high), (low, high))
    )
    assert 0.09 * whole < left < whole


def test_it_is_written_beside_the_report_with_its_reasons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = [{"learning_rate": 0.01}]
    run = make_run(tmp_path / "a run", space={**WHOLE.to_json(), "name": "a", "tries": tries})
    write_report(run, dataset=digits())
    text = (run.path / NEXT_SPACE).read_text()
    assert "# What to try next, from 48 trials of the run a run." in text
    assert f"{NEXT_SPACE}' --from '" in text
    assert "  # The best 1" in text
    space = load_space(run.path / NEXT_SPACE)
    assert space.parameters["epochs"] == Constant("epochs", 10)
    assert space.trials == 48
    assert space.sampler == WHOLE.sampler
    assert space.early_stopping == WHOLE.early_stopping
    assert space.tries == ()
    assert "# The configurations that came first in that run are left out" in text
    # Where a later report advises nothing, no earlier advice stays; storage that refuses is waited for.
    run.update_manifest({"space": None})
    unlink, refused = Path.unlink, list[Path]()

    def refuse_once(path: Path, *, missing_ok: bool = False) -> None:
        if path.name == NEXT_SPACE and not refused:
            refused.append(path)
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse_once)
    with patient(Patience(run.path, lambda _: None, lambda: False, again=0)):
        write_report(run, dataset=digits())
    assert refused
    assert not (run.path / NEXT_SPACE).exists()


@pytest.mark.parametrize("name", sorted(shipped_spaces()))
def test_every_space_that_ships_has_a_next_one(name: str, tmp_path: Path) -> None:
    """Whatever the trials say: here the learning rate decides, and the winner lies at random ends."""
    space = load_space(shipped_spaces()[name])
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    rows = []
    for number in range(40):
        config = space.trial_config(space.suggest(study.ask()), seed=0)
        value = 0.9 - abs(math.log10(config.learning_rate) + 2.5) / 10
        figures = {"val_accuracy": value, "val_loss": 1 - value, "train_accuracy": 1.0, "num_parameters": 1000}
        ends = {"best_epoch": config.epochs, "epochs_run": config.epochs, "final_val_accuracy": value}
        more = {"final_train_accuracy": 1.0, "state": "complete", "seed": 0, "trial_id": number}
        rows.append({**config.parameters(), **figures, **ends, **more})
    run = RunDirectory.create(tmp_path / "run", manifest("run", space=space.to_json()))
    run.write_pack(0, rows, [])
    report = build_report(run, **vars(known_measurements(run)))
    text = next_space(report, space, rank_trials(run.trials()).to_pylist())
    assert text is not None
    (tmp_path / NEXT_SPACE).write_text(text)
    found = load_space(tmp_path / NEXT_SPACE)
    assert found.locate(row_config(report.best.row)) is not None
    assert found != space
