"""The experiments: their spaces train on digits, their commands are valid, and their document has its tables."""

import json
import re
import sys
from pathlib import Path

import optuna
import pandas as pd
import pytest
import torch
from synthetic_run import make_run

from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.space import load_space
from fcsearch.training import TrainingData, train_pack

ROOT = Path(__file__).parents[2]
SPACES = ("seed_overfit", "seed_depth", "seed_update_rules", "seed_dropout", "cifar10_ablation", "cifar10_best")
TEXT = (ROOT / "docs" / "experiments.md").read_text()
MARKS = re.findall(r"^<!-- (?!end)([\w.-]+) -->$", TEXT, re.MULTILINE)

sys.path[:0] = [str(ROOT / "benchmarks")]

import marks  # noqa: E402
from experiments import document, plan, reading, two_layer, update_rules  # noqa: E402


@pytest.mark.parametrize("name", SPACES)
def test_a_sampled_configuration_trains_on_digits(name: str) -> None:
    space = load_space(ROOT / "search_spaces" / f"{name}.yaml", overrides=["parameters.epochs=2"])
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    config = space.trial_config(space.suggest(study.ask()), seed=0)
    rows = load_dataset(DatasetSpec("digits", num_train=200, num_val=50))
    data = TrainingData.from_arrays(rows.train.X, rows.train.y, rows.val.X, rows.val.y, num_classes=10, device="cpu")
    (result,) = train_pack([config], data)
    assert result.state == "complete"
    assert [epoch.epoch for epoch in result.epochs] == [1, 2]
    assert all(torch.isfinite(weight).all() for weight in result.weights.values())


@pytest.mark.parametrize("experiment", plan.EXPERIMENTS)
def test_every_command_is_one_that_fcsearch_takes(experiment: str, tmp_path: Path) -> None:
    command = plan.search_command(experiment, 3, data=tmp_path, out=tmp_path / "runs")
    options = dict(zip(command[1::2], command[2::2], strict=True))
    settings = [value for option, value in zip(command[1::2], command[2::2], strict=True) if option == "--set"]
    space = load_space(Path(options["--space"]), dataset=options["--dataset"], overrides=settings)
    assert (space.dataset.val_fraction, Path(str(space.dataset.test)).name) == (0.2, "cifar10-test.parquet")
    assert space.dataset.preprocessing == ("standardize" if experiment in ("ablation", "best") else "mean")
    assert (options["--seed"], options["--name"]) == ("3", f"{experiment}-3")


def test_the_document_has_a_table_at_every_mark_and_its_figures() -> None:
    assert len(MARKS) == len(set(MARKS)) > 10
    tables = re.findall(r"^<!-- (?!end)[\w.-]+ -->\n\| (.*?)<!-- end -->$", TEXT, re.MULTILINE | re.DOTALL)
    assert len(tables) == len(MARKS)
    figures = re.findall(r"!\[.+?\]\((figures/\w+\.png)\)", TEXT)
    assert sorted(f"figures/{path.name}" for path in document.FIGURES.glob("*.png")) == sorted(figures)
    named = set(re.findall(r"experiments run (\w+)", TEXT))
    assert named == set(plan.EXPERIMENTS)


def test_tables_go_between_their_marks_and_nowhere_else() -> None:
    text = "before\n<!-- one -->\n| old |\n<!-- end -->\nbetween\n<!-- two -->\n| kept |\n<!-- end -->\nafter\n"
    found, missing = marks.insert(text, {"one": "| new |", "three": "| unused |"})
    assert found == text.replace("| old |", "| new |")
    assert missing == ["two"]


def test_runs_are_read_with_their_trials_parameters(tmp_path: Path) -> None:
    for seed in (0, 1):
        make_run(tmp_path / f"depth-{seed}")
        (tmp_path / f"depth-{seed}" / "report.json").write_text(json.dumps({"test": None}))
    make_run(tmp_path / "depth-9", state="running")
    runs = reading.read_runs(tmp_path, "depth")
    assert runs.seeds == 2
    assert set(runs.trials.run) == {"depth-0", "depth-1"}
    one = runs.epochs.merge(runs.trials, on=["run", "trial_id"], suffixes=("", "_trial"))
    assert (one.learning_rate == one.learning_rate_trial).all()
    assert len(one) == len(runs.epochs)
    assert reading.read_runs(tmp_path, "dropout") is None


def test_without_runs_no_table_of_the_document_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # These need no runs, and take a minute.
    monkeypatch.setattr(document.initial, "tables", lambda: {"initial-loss": "| |"})
    found = {name: reading.read_runs(tmp_path, name) for name in plan.EXPERIMENTS}
    assert set(document._tables(found, tmp_path)) == {"initial-loss"}


def fake(rows: list[dict[str, object]]) -> reading.Runs:
    return reading.Runs(pd.DataFrame(rows), pd.DataFrame(), [{}], [{"test": {"measurement": {"accuracy": 0.5}}}])


def test_the_nine_rows_are_compared_with_the_document() -> None:
    rows = [
        {"learning_rate": r, "epochs": e, "final_val_accuracy": val + shift, "val_accuracy": val + 0.02,
         "final_train_accuracy": train, "run": f"two_layer-{seed}"}
        for (r, e), (train, val) in two_layer.DOCUMENT.items() for seed, shift in enumerate((-0.01, 0.03))
    ]  # fmt: skip
    lines = two_layer.tables(fake(rows), None)["two-layer"].splitlines()
    assert len(lines) == 2 + 9
    assert lines[2] == "| 0.1, 10 | 50.82 | 51.8 ± 2.8 | +1.0 | 52.8 ± 0.0 | 59.2 | 59.2 ± 0.0 |"


def test_learning_rates_are_chosen_on_other_seeds_than_they_are_measured_on() -> None:
    rows = [
        {"update_rule": rule, "learning_rate": rate, "seed": seed,
         # On the seeds that choose 0.1 is best; on the others 0.01 is.
         "val_accuracy": 0.4 if (rate == 0.1) == (seed < 3) else 0.3}
        for rule in update_rules.COURSE for rate in (0.01, 0.1) for seed in range(5)
    ]  # fmt: skip
    runs = fake(rows)
    assert update_rules.choosing(runs) == [0, 1, 2]
    assert set(update_rules.tuned_rates(runs).values()) == {0.1}
    assert set(update_rules._measured(runs).seed) == {3, 4}
