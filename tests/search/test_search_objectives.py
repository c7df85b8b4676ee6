"""Searches that go by another figure than accuracy, whole, without Ray."""

import contextlib
import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from commands import json_of, output_of, ran
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from search_helpers import PLACE, make_space, outcome, result, write_table

from fcsearch.config.objective import OBJECTIVES
from fcsearch.data import Dataset
from fcsearch.errors import DataError, SpaceError
from fcsearch.report.summary_lines import figure_lines
from fcsearch.results import RunDirectory, open_run, rank_trials
from fcsearch.search.api import SearchResult, start_search
from fcsearch.search.options import Confirm, SearchOptions
from fcsearch.search.planning.plan import SearchPlan
from fcsearch.search.pool.messages import PackOutcome, PackTask
from fcsearch.search.pool.pack_run import PackRun
from fcsearch.search.pool.simulated import SimulatedPool
from fcsearch.training import MemberResult, TrainingData

PARAMETERS: dict[str, Any] = {
    "learning_rate": {"choices": [0.03, 0.01]},
    "update_rule": "adam",
    "hidden_dim": 16,
    "batch_size": 32,
    "epochs": 20,
}


@contextlib.contextmanager
def trained_here(plan: SearchPlan, dataset: Dataset) -> Iterator[SimulatedPool]:
    """A pool that trains for real, in this process."""
    assert plan.space.objective is not None
    data = TrainingData.from_arrays(**dataset.training_arrays(plan.space.objective))

    def answer(task: PackTask) -> PackOutcome:
        run = PackRun(task, data, PLACE)
        run.train(seconds=math.inf)
        return run.outcome()

    yield SimulatedPool(answer)


def search(folder: Path, open_pool: Any, *, confirm: Confirm = "auto", **keys: Any) -> SearchResult:
    space = make_space(folder, **{"parameters": PARAMETERS, "sampler": "grid", **keys})
    options = SearchOptions(workers=1, cpus_per_worker=0.5, confirm=confirm)
    return start_search(space, options, path=folder / "run", command=["fcsearch", "run"], open_pool=open_pool)


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    folder = tmp_path_factory.mktemp("regression")
    table = write_table(folder / "houses.csv", lambda X: 5000 + 300 * X[:, 0] - 200 * X[:, 1], "price")
    return search(folder, trained_here, dataset={"source": str(table), "label": "price"})


def test_a_regression_is_searched_by_its_rmse(regression: SearchResult) -> None:
    run = regression.run
    rows = run.trials().to_pylist()
    assert {row["state"] for row in rows} == {"complete"}
    assert {(row["objective"], row["loss"], row["val_accuracy"]) for row in rows} == {("rmse", "squared", None)}
    best = open_run(run.path).best
    assert best["val_rmse"] == min(row["val_rmse"] for row in rows)
    # In the unit of the target: it deviates by 361, and has no noise.
    assert best["val_rmse"] < 60
    epochs = [e for e in run.epochs().to_pylist() if e["trial_id"] == best["trial_id"]]
    assert best["val_rmse"] == min(e["val_rmse"] for e in epochs)


def test_the_report_of_a_regression(regression: SearchResult) -> None:
    found = regression.report
    assert found.objective == "rmse"
    assert found.test.measurement is not None
    assert found.validation.value == pytest.approx(found.best.row["val_rmse"], rel=1e-4)
    assert found.base_line.value > 5 * found.validation.value
    assert found.trust.verdict is None
    assert found.trust.standard_error == found.validation.standard_error
    written = json.loads((regression.run.path / "report.json").read_text())
    assert set(written["test"]["measurement"]["figures"]) == {"rmse", "mae", "r2"}
    assert written["objective"] == "rmse"
    page = (regression.run.path / "report.html").read_text()
    assert "predicts price: a regression" in page
    assert "<dt>test, RMSE</dt>" in page
    assert "Predicted against true" in page
    assert "ccuracy" not in page.split("<main>")[1].split("<script")[0]


def test_another_objective_is_shown_after_the_last_epoch_too(tmp_path: Path) -> None:
    table = write_table(tmp_path / "houses.csv", lambda X: 5000 + 300 * X[:, 0] - 200 * X[:, 1], "price")
    data = {"source": str(table), "label": "price"}
    found = search(tmp_path, trained_here, dataset=data, objective="mae", confirm=0)
    report = found.report
    epochs = [e for e in found.run.epochs().to_pylist() if e["trial_id"] == report.best.row["trial_id"]]
    assert report.best.final == epochs[-1]["val_mae"]
    lines = {name: (value, remark) for name, value, remark in figure_lines(report, report.best)}
    assert lines["validation, final, MAE"][0] == OBJECTIVES["mae"].show(report.best.final)
    assert "validation, final, RMSE" not in lines
    # Of the training rows only the error that is always measured is known.
    assert lines["training, RMSE"][1].endswith("; no training MAE is measured")
    unknown = dataclasses.replace(report.best, final=None)
    assert not any("final" in name for name, _, _ in figure_lines(report, unknown))


def test_evaluate_of_a_regression(regression: SearchResult, tmp_path: Path) -> None:
    run = regression.run
    text = output_of("evaluate", run.path)
    names = [line.split("  ")[1].strip() for line in text.splitlines()[1:]]
    assert names == ["RMSE", "baseline", "MAE", "R2"]
    # The same relation, 1000 higher: off by about that.
    moved = write_table(tmp_path / "dearer.csv", lambda X: 6000 + 300 * X[:, 0] - 200 * X[:, 1], "price")
    found = json_of("evaluate", run.path, "--dataset", moved)
    assert found["rows"] == 400
    assert found["value"] == found["figures"]["rmse"] == pytest.approx(1000, rel=0.03)
    assert (found["accuracy"], found["classification"]) == (None, None)


def test_one_row_of_a_regression_is_measured_and_a_text_is_refused(regression: SearchResult, tmp_path: Path) -> None:
    source = write_table(tmp_path / "houses.csv", lambda X: 5000 + 300 * X[:, 0] - 200 * X[:, 1], "price")
    names, row = source.read_text().splitlines()[:2]
    source.write_text(f"{names}\n{row}\n")
    result = ran("evaluate", regression.run.path, "--dataset", source)
    assert result.stdout.splitlines()[0].endswith(f"on 1 row of {source}")
    assert "nan" not in result.stdout
    source.write_text(f"{names},kind\n{row},big\n")
    with pytest.raises(DataError) as caught:
        ran("evaluate", regression.run.path, "--dataset", source, "--label", "kind")
    error = str(caught.value)
    assert "'kind' of" in error
    assert "must hold numbers, as the label of the training rows did; found text such as 'big'" in error
    assert "--set" not in error


def _unbalanced(task: PackTask) -> PackOutcome:
    """Trial 0 has the better accuracy, trial 1 the better balanced accuracy."""
    figures = [{"accuracy": 0.95, "balanced_accuracy": 0.6}, {"accuracy": 0.8, "balanced_accuracy": 0.85}]
    return outcome(task.pack_id, {t.trial_id: _with(result(t.config, [0.5]), figures[t.trial_id]) for t in task.trials})


def _with(member: MemberResult, figures: dict[str, float]) -> MemberResult:
    epochs = tuple(dataclasses.replace(epoch, val=figures) for epoch in member.epochs)
    return dataclasses.replace(member, epochs=epochs, objective="balanced_accuracy")


@contextlib.contextmanager
def unbalanced(plan: SearchPlan, dataset: Dataset) -> Iterator[SimulatedPool]:  # noqa: ARG001
    yield SimulatedPool(_unbalanced)


def test_the_best_trial_is_that_of_the_best_objective(tmp_path: Path) -> None:
    found = search(tmp_path, unbalanced, objective="balanced_accuracy", confirm=0)
    run: RunDirectory = found.run
    assert rank_trials(run.trials())["trial_id"].to_pylist() == [1, 0]
    assert found.report.best.row["trial_id"] == 1
    assert [row["trial_id"] for row in found.report.top] == [1, 0]
    assert found.report.base_line.value == 0.1
    page = (run.path / "report.html").read_text()
    assert "By validation balanced accuracy at the best epoch; training: accuracy." in page
    assert "85.00%" in page
    study = optuna.load_study(study_name="run", storage=JournalStorage(JournalFileBackend(str(run.journal_path))))
    assert study.best_trial.number == 1


@pytest.mark.parametrize("objective", ["rmse", "r2"])
def test_an_objective_of_another_task_is_refused_and_leaves_nothing(tmp_path: Path, objective: str) -> None:
    with pytest.raises(SpaceError, match=f"the objective of a classification must be one of .*; found {objective}"):
        search(tmp_path, trained_here, objective=objective)
    assert not (tmp_path / "run").exists()


def test_classes_are_searched_by_their_log_loss(tmp_path: Path) -> None:
    table = write_table(tmp_path / "churn.csv", lambda X: np.where(X[:, 0] + X[:, 1] > 1, "yes", "no"), "churn")
    dataset = {"source": str(table), "label": "churn"}
    found = search(tmp_path, trained_here, objective="log_loss", dataset=dataset, confirm=0)
    rows = found.run.trials().to_pylist()
    assert found.report.best.row["val_log_loss"] == min(row["val_log_loss"] for row in rows)
    assert found.report.test.measurement.classification is not None
    names = {"accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "average_precision", "log_loss"}
    assert set(found.report.test.measurement.figures) == names
