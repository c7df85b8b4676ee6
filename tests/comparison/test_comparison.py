"""Runs side by side: what is compared, by which intervals, and what cannot be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from compared_runs import made, sections
from synthetic_run import SPACE, change_dataset, make_run, manifest, trial_row

from fcsearch.comparison import Section, compare_runs, comparison_page
from fcsearch.comparison.contestant import Done
from fcsearch.comparison.rankings import by_trials
from fcsearch.comparison.row_chance import RowChance, RowsError
from fcsearch.comparison.section_tables import section_rows, section_title, short_labels
from fcsearch.config.objective import OBJECTIVES, Objective
from fcsearch.errors import RunError, UsageError
from fcsearch.results import RunDirectory
from fcsearch.space import SearchSpace

ACCURACY, RMSE = OBJECTIVES["accuracy"], OBJECTIVES["rmse"]


class NoRows(RowChance):
    """Rows are no chance."""

    def __init__(self) -> None: ...

    def of_figure(self, *_: object, **__: object) -> float:
        return 0.0

    def of_lead(self, *_: object, **__: object) -> RowsError:
        return RowsError(0.0, None)


def ranked(
    basis: str, amount: float, trials: Mapping[str, Sequence[Done]], objective: Objective, *, comparable: bool
) -> Section:
    found = by_trials(basis, amount, trials, objective, NoRows(), comparable=comparable)
    assert found is not None
    return found


def done(*gains: float) -> list[Done]:
    return [Done(number, gain, None) for number, gain in enumerate(gains)]


def test_equal_trials_are_the_first_of_each(tmp_path: Path) -> None:
    few = made(tmp_path / "few", [0.5, 0.6, 0.7])
    many = made(tmp_path / "many", [0.4, 0.65, 0.5, 0.9])
    found = sections(many, few)["trials"]
    assert found.amount == 3
    assert [(entry.run, entry.trials, entry.value) for entry in found.standings] == [
        (str(few.path), 3, 0.7),
        (str(many.path), 3, 0.65),
    ]
    lead = found.standings[1].lead
    assert lead is not None
    assert lead.difference == pytest.approx(0.05)
    assert lead.explained_by_chance


def test_equal_time_is_that_of_the_quicker_run(tmp_path: Path) -> None:
    quick = made(tmp_path / "quick", [0.5, 0.6], seconds=5)
    slow = made(tmp_path / "slow", [0.55, 0.8], seconds=10)
    found = sections(quick, slow)["time"]
    assert found.amount == 10
    assert [(entry.run, entry.trials, entry.value) for entry in found.standings] == [
        (str(quick.path), 2, 0.6),
        (str(slow.path), 1, 0.55),
    ]


def test_the_best_of_resamples_is_that_of_drawing_them() -> None:
    values = np.random.default_rng(1).random(40)
    [standing] = ranked("trials", 40, {"a": done(*values)}, ACCURACY, comparable=True).standings
    drawn = np.random.default_rng(2).choice(values, (20_000, 40)).max(axis=1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    assert (standing.low, standing.high) == (pytest.approx(low, abs=0.02), pytest.approx(high, abs=0.02))


def test_a_lead_that_every_resample_shows_is_more_than_chance() -> None:
    rng = np.random.default_rng(0)
    trials = {"good": done(*rng.uniform(0.9, 0.95, 30)), "bad": done(*rng.uniform(0.5, 0.6, 30))}
    first, second = ranked("trials", 30, trials, ACCURACY, comparable=True).standings
    assert first.run == "good"
    assert second.lead is not None
    assert not second.lead.explained_by_chance
    assert ranked("trials", 30, trials, ACCURACY, comparable=False).standings[1].lead is None


def test_of_an_error_less_is_better() -> None:
    trials = {"bad": done(-3.0, -2.0), "good": done(-1.0, -4.0)}
    first, second = ranked("trials", 2, trials, RMSE, comparable=True).standings
    assert (first.run, first.value, second.value) == ("good", 1.0, 2.0)
    assert first.low is not None
    assert first.high is not None
    assert first.low == 1.0 <= first.high
    assert second.lead is not None
    assert second.lead.difference == 1.0


def test_trials_without_a_result_count_and_win_nothing() -> None:
    trials = {"none": done(-math.inf, -math.inf), "one": done(-math.inf, 0.5)}
    first, second = ranked("trials", 2, trials, ACCURACY, comparable=True).standings
    assert (first.run, first.trials, first.value) == ("one", 2, 0.5)
    assert (second.value, second.lead) == (None, None)


def test_other_rows_cannot_be_compared(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one", [0.9]), made(tmp_path / "two", [0.8])
    change_dataset(two, fingerprint="0" * 16)
    found = compare_runs([one.path, two.path])
    assert not found.comparable
    [data] = [check for check in found.checks if check.subject == "data"]
    assert data.same is False
    assert "other rows of digits, or split or prepared otherwise" in data.sentence
    assert all(entry.lead is None for section in found.sections for entry in section.standings)
    change_dataset(two, fingerprint=None)
    assert compare_runs([one.path, two.path]).checks[0].same is None


def test_it_says_where_the_spaces_differ(tmp_path: Path) -> None:
    one = made(tmp_path / "one", [0.9])
    space = dict(one.manifest().space or {})
    changed = {**space["parameters"], "dropout": {"low": 0.0, "high": 0.2}}
    two = made(tmp_path / "two", [0.8], space={**space, "parameters": changed}, seed=4)
    checks = {check.subject: check for check in compare_runs([one.path, two.path]).checks}
    assert checks["space"].same is False
    assert checks["space"].sentence == "not the same: dropout"
    [dropout] = checks["space"].differences
    assert dropout.name == "dropout"
    assert ["0.5" in dropout.values[0], "0.2" in dropout.values[1]] == [True, True]
    assert checks["seed"].same is False
    assert checks["data"].same
    assert compare_runs([one.path, two.path]).comparable


def test_what_one_did_not_search_has_the_value_that_it_had(tmp_path: Path) -> None:
    one = made(tmp_path / "one", [0.9])
    space = dict(one.manifest().space or {})
    changed = {**space["parameters"], "lr_schedule": "cosine"}
    two = made(tmp_path / "two", [0.8], space={**space, "parameters": changed})
    checks = {check.subject: check for check in compare_runs([one.path, two.path]).checks}
    assert checks["space"].differences[0].values == ("exponential, not searched", "cosine")


def test_what_comes_first_in_a_space_of_an_earlier_version_is_not_said(tmp_path: Path) -> None:
    spaces = [SearchSpace.from_mapping({**SPACE, "tries": [{"depth": 3}]}).to_json(), {"parameters": {"width": [8]}}]
    runs = [made(tmp_path / str(number), [0.9], space=space) for number, space in enumerate(spaces)]
    found = compare_runs([run.path for run in runs])
    differences = {difference.name: difference.values for check in found.checks for difference in check.differences}
    assert differences["comes first"] == ("depth=3", "not searched")
    assert differences["width"] == ("not searched", "[8]")


def test_what_comes_first_is_said_in_short_and_never_alike_for_different_lists(tmp_path: Path) -> None:
    one = {"learning_rate": 0.01, "depth": 3, "hidden_dim": 64, "dropout": 0.1, "update_rule": "adam"}
    two = {**one, "dropout": 0.2}
    lists = [[], [one], [two], [one] * 6, [one] * 6, [one] * 5 + [two], [one] * 5 + [{"depth": 3}], [one, two, one]]
    runs = [
        made(tmp_path / str(number), [0.9], space=SearchSpace.from_mapping({**SPACE, "tries": tries}).to_json())
        for number, tries in enumerate(lists)
    ]
    found = compare_runs([run.path for run in runs])
    [first] = [difference for check in found.checks for difference in check.differences]
    assert first.name == "comes first"
    short, six = "learning_rate=0.01,depth=3,hidden_dim=64,...", "6 configurations, the first "
    assert first.values == (
        "nothing",
        f"{short}; with dropout=0.1",
        f"{short}; with dropout=0.2",
        f"{six}{short}; number 6 with learning_rate=0.01; number 6 with dropout=0.1",
        f"{six}{short}; number 6 with learning_rate=0.01; number 6 with dropout=0.1",
        f"{six}{short}; number 6 with learning_rate=0.01; number 6 with dropout=0.2",
        f"{six}{short}; number 6 without learning_rate",
        f"3 configurations, the first {short}",
    )
    assert f"{six}{short}; number 6 without learning_rate</td>" in comparison_page(found)


def test_other_objectives_are_refused(tmp_path: Path) -> None:
    one = made(tmp_path / "one", [0.9])
    two = RunDirectory.create(tmp_path / "two", manifest("two"))
    two.write_pack(0, [{**trial_row(0), "objective": "roc_auc", "val_roc_auc": 0.9}], [])
    with pytest.raises(UsageError, match=r"one objective to be compared; found accuracy \(.*one\), ROC AUC \(.*two\)"):
        compare_runs([one.path, two.path])


@pytest.mark.parametrize("objective", ["rmse", None])
def test_a_run_without_trials_has_the_objective_that_it_is_to_have(tmp_path: Path, objective: str | None) -> None:
    one = made(tmp_path / "one", [0.9])
    two = RunDirectory.create(tmp_path / "two", manifest("two", space={"objective": objective}))
    change_dataset(two, task="regression")
    with pytest.raises(UsageError, match="RMSE"):
        compare_runs([one.path, two.path])


def test_runs_that_cannot_be_compared_keep_their_order(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one", [0.8]), made(tmp_path / "two", [0.9])
    change_dataset(two, fingerprint="0" * 16)
    for paths in ([one.path, two.path], [two.path, one.path]):
        found = compare_runs(paths)
        assert [entry.run for entry in found.sections[0].standings] == [str(path) for path in paths]


def test_a_head_start_is_said_where_trials_are_counted(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one", [0.8]), made(tmp_path / "two", [0.9])
    assert compare_runs([one.path, two.path]).head_starts == ()
    told = {"observations": {"run": "/home/me/runs/zero", "used": 12, "left_out": 1}}
    two.update_manifest(told)
    found = compare_runs([one.path, two.path])
    labels = short_labels(found.runs)
    assert [section_title(section, found, labels) for section in found.sections] == [
        "After 1 trial each (two was told 12 of zero before)",
        "After 10.0 s each (two was told 12 of zero before)",
    ]
    [start] = [check for check in found.checks if check.subject == "start"]
    assert start.same is False
    assert start.sentence == f"not the same: the sampler of {two.path} was told 12 earlier trials of zero"
    one.update_manifest(told)
    both = compare_runs([one.path, two.path])
    assert both.head_starts == ()
    assert [check.same for check in both.checks if check.subject == "start"] == [True]


def test_what_is_not_complete_is_said(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one", [0.8]), made(tmp_path / "two", [0.9], state="interrupted")
    [state] = [check for check in compare_runs([one.path, two.path]).checks if check.subject == "state"]
    assert state.sentence == f"{two.path} was interrupted after 1 of 48 trials"


def test_only_who_is_ahead_leads(tmp_path: Path) -> None:
    def last_cells(*values: float | None) -> list[str]:
        runs = [made(tmp_path / f"{values}-{number}", [value]) for number, value in enumerate(values)]
        found = compare_runs([run.path for run in runs])
        return [row[-1] for row in section_rows(found.sections[0], found, short_labels(found.runs))]

    # One verdict for both.
    assert last_cells(0.9, 0.89) == ["tie", "tie"]
    assert last_cells(0.9, 0.89, 0.6) == ["tie", "tie", "behind"]
    assert last_cells(0.9, 0.6) == ["leads", "behind"]
    assert last_cells(0.9, 0.9) == ["tie", "tie"]
    assert last_cells(None, 0.9) == ["the only result", "no result"]


def test_runs_without_trials(tmp_path: Path) -> None:
    found = compare_runs([made(tmp_path / "one", []).path, made(tmp_path / "two", [0.8]).path])
    assert found.sections == ()


def test_what_cannot_be_compared_is_refused(run: RunDirectory) -> None:
    for paths in ([run.path], [run.path, run.path]):
        with pytest.raises(UsageError, match="at least two runs, each named once"):
            compare_runs(paths)
    with pytest.raises(RunError, match="must be a run directory"):
        compare_runs([run.path, run.path / "none"])


def test_made_runs_compare(run: RunDirectory, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", trials=16)
    assert [section.basis for section in compare_runs([run.path, other.path]).sections] == ["trials", "time"]
