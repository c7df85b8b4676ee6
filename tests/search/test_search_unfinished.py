"""Trials in training when a search ends count as far as they were trained, and are trained to their end by `resume`."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import optuna
import pyarrow.dataset as ds
import pytest
from commands import exported
from cut_searches import KEYS, Epochs, assert_same, options, resume, start
from inline_pool import Killed

from fcsearch.errors import RunError
from fcsearch.evaluation import load_run_dataset, measure
from fcsearch.results import RunDirectory, open_run, rank_trials
from fcsearch.results.study import study_of
from fcsearch.results.unfinished import Unfinished
from fcsearch.search.api import SearchResult, confirm_run
from fcsearch.search.loop.early_end import EarlyEnd
from fcsearch.search.loop.engine import Engine
from fcsearch.selection import confirmation_of
from fcsearch.training import Pack, TrainingData
from fcsearch.training.cohort import AskedToLeave

# Packs of three trials of six epochs: after ten epochs the first pack has ended, and the second is at epoch 4.
EPOCHS = 6
PARAMETERS: dict[str, Any] = {**KEYS["parameters"], "epochs": EPOCHS}
SEARCH: dict[str, Any] = {"parameters": PARAMETERS, "early_stopping": None}


@pytest.fixture
def epochs(monkeypatch: pytest.MonkeyPatch) -> Epochs:
    return Epochs(monkeypatch)


@pytest.fixture
def budget(epochs: Epochs, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets the time budgets of searches end after so many epochs in all; None: not at all."""

    def end(after: int | None) -> None:
        late = {"clock": lambda: time.monotonic() + 1000 * (after is not None and epochs.trained >= after)}
        monkeypatch.setattr(Engine.__init__, "__kwdefaults__", {**(Engine.__init__.__kwdefaults__ or {}), **late})

    return end


def cut(folder: Path, budget: Any, after: int = 10, name: str = "cut", **keys: Any) -> SearchResult:
    """A search whose time budget ends after so many epochs."""
    budget(after)
    more = keys.pop("more", {})
    found = start(folder, name, options(time_budget=500, **more), **{"report": True, **SEARCH, **keys})
    budget(None)
    return found


def unfinished(run: RunDirectory) -> dict[int, dict[str, Any]]:
    return {row["trial_id"]: row for row in run.trials().to_pylist() if row["state"] == "unfinished"}


def test_they_have_rows_models_and_predictions_and_the_report_counts_them(tmp_path: Path, budget: Any) -> None:
    found = cut(tmp_path, budget, more={"ensemble": 6, "keep_models": 6})
    run, report = found.run, found.report
    assert (found.ended_by, run.state(), len(run.finished_trials())) == ("time_budget", "complete", 3)
    rows, curves = unfinished(run), run.epochs().to_pylist()
    assert len(rows) == 3
    assert report is not None
    for trial, row in rows.items():
        curve = [epoch for epoch in curves if epoch["trial_id"] == trial]
        best = max(curve, key=lambda epoch: epoch["val_accuracy"])
        assert [epoch["epoch"] for epoch in curve] == [1, 2, 3, 4]
        assert (row["epochs_run"], row["epochs"]) == (4, EPOCHS)
        assert (row["val_accuracy"], row["best_epoch"]) == (best["val_accuracy"], best["epoch"])
        # The model is that of the best epoch.
        assert measure(run, trial, load_run_dataset(run), "val").value == pytest.approx(row["val_accuracy"])
        assert run.predictions.rows(trial)
    assert (report.work.done, report.work.unfinished) == (3, 3)
    assert report.best is not None
    assert report.best.row["trial_id"] == rank_trials(run.trials())["trial_id"][0].as_py()
    assert report.ending == "ended by its time budget"
    assert report.test.measurement is not None
    assert set(ds.dataset(run.path / "trials").to_table()["trial_id"].to_pylist()) == set(range(6))
    assert any((run.path / "checkpoints" / "trials").iterdir())


def test_the_best_of_them_is_called_what_it_is(tmp_path: Path, budget: Any) -> None:
    found = cut(tmp_path, budget, after=4)
    assert (len(found.run.finished_trials()), len(unfinished(found.run))) == (0, 3)
    assert found.report is not None
    said = [finding.sentence for finding in found.report.trust.findings if finding.kind == "stopped_early"]
    [trial] = [found.report.best.row["trial_id"]] if found.report.best else []
    assert said == [
        f"The best network, trial {trial}, had trained for 4 of 6 epochs when the time budget was used up: with a "
        "longer time budget, or `fcsearch resume`, it trains to its end."
    ]
    assert open_run(found.run.path).load_model() is not None
    card = exported(found.run.path, tmp_path / "model.safetensors")
    assert f"- Trial {trial} had trained for 4 of 6 epochs when its search ended: `fcsearch resume` on that run" in card


def test_a_total_that_leaves_them_out_is_refused_and_nothing_is_lost(tmp_path: Path, budget: Any) -> None:
    run = cut(tmp_path, budget).run
    before = sorted((run.path / "checkpoints" / "trials").iterdir())
    with pytest.raises(RunError, match=r"at least 6, the trials done and the 3 unfinished; found 4"):
        resume(run.path, trials=4)
    assert sorted((run.path / "checkpoints" / "trials").iterdir()) == before != []


def test_the_sampler_is_not_told_of_them(tmp_path: Path, budget: Any) -> None:
    run = cut(tmp_path, budget).run
    states = {trial.number: trial.state for trial in study_of(run).trials}
    assert {states[trial] for trial in unfinished(run)} == {optuna.trial.TrialState.RUNNING}
    assert {states[trial] for trial in run.finished_trials()} == {optuna.trial.TrialState.COMPLETE}


@pytest.mark.parametrize("after", [1, 4, 7, 10])
@pytest.mark.parametrize("early_stopping", [None, KEYS["early_stopping"]], ids=["none", "asha"])
def test_a_resumed_search_ends_as_one_that_was_not_cut(
    tmp_path: Path, epochs: Epochs, budget: Any, early_stopping: Any, after: int
) -> None:
    whole = start(tmp_path, "whole", **{**SEARCH, "early_stopping": early_stopping}).run
    needed, epochs.trained = epochs.trained, 0
    run = cut(tmp_path, budget, after=after, early_stopping=early_stopping).run
    assert unfinished(run)
    resume(run.path, time_budget=None)
    assert_same(run.path, whole)
    assert epochs.trained == needed
    again = RunDirectory.open(run.path)
    assert not unfinished(again)
    for table in ("trials", "epochs"):
        expected = getattr(again, table)()["trial_id"].to_pylist()
        assert sorted(ds.dataset(run.path / table).to_table()["trial_id"].to_pylist()) == expected


def test_early_stopping_counts_a_trial_once_that_was_cut_in_the_middle(
    tmp_path: Path, epochs: Epochs, budget: Any
) -> None:
    """The pack that comes next is judged by what the trial had at the rungs: were it counted twice, others would go."""
    keys = {**SEARCH, "early_stopping": {"method": "asha", "min_epochs": 1, "reduction_factor": 2}, "trials": 18}
    whole = start(tmp_path, "whole", **keys).run
    for after in (5, 9):
        epochs.trained = 0
        run = cut(tmp_path, budget, after=after, name=f"cut-{after}", **keys).run
        assert unfinished(run)
        resume(run.path, time_budget=None)
        assert_same(run.path, whole)


def test_a_session_that_is_killed_leaves_what_an_earlier_one_had_reached(
    tmp_path: Path, epochs: Epochs, budget: Any
) -> None:
    whole = start(tmp_path, "whole", **SEARCH).run
    epochs.trained = 0
    run = cut(tmp_path, budget).run
    rows = unfinished(run)
    epochs.kill_at = epochs.trained + 1
    with pytest.raises(Killed):
        resume(run.path)
    again = RunDirectory.open(run.path)
    assert unfinished(again) == rows
    assert set(again.models.saved()) >= {rank_trials(again.trials())["trial_id"][0].as_py()}
    epochs.kill_at = None
    resume(run.path)
    assert_same(run.path, whole)


def test_a_second_budget_takes_the_place_of_the_first(tmp_path: Path, epochs: Epochs, budget: Any) -> None:
    run = cut(tmp_path, budget, after=2, more={"ensemble": 6}).run
    first = json.loads(run.models.ensemble_path.read_text())
    budget(5)
    found = resume(run.path, time_budget=500)
    assert {row["epochs_run"] for row in unfinished(RunDirectory.open(run.path)).values()} == {5}
    second = json.loads(run.models.ensemble_path.read_text())
    assert first["unfinished"] != second["unfinished"]
    # Figures of networks that have been trained since are measured anew, and every look at the test rows is known.
    assert found.report is not None
    assert found.report.best is not None
    assert found.report.validation is not None
    assert found.report.validation.value == pytest.approx(found.report.best.row["val_accuracy"])
    assert epochs.trained == 5


def test_one_that_starts_over_keeps_what_it_had_reached_until_it_is_as_far(
    tmp_path: Path, epochs: Epochs, budget: Any
) -> None:
    whole = start(tmp_path, "whole", **SEARCH).run
    epochs.trained = 0
    run = cut(tmp_path, budget, after=4).run
    rows, model = unfinished(run), run.models.path(rank_trials(run.trials())["trial_id"][0].as_py())
    before = model.read_bytes()
    shutil.rmtree(run.path / "checkpoints")
    budget(5)
    resume(run.path, time_budget=500)
    again = RunDirectory.open(run.path)
    assert (unfinished(again), model.read_bytes()) == (rows, before)
    budget(None)
    resume(run.path, time_budget=None)
    assert_same(run.path, whole)


def test_one_that_fails_later_keeps_what_it_had_reached(
    tmp_path: Path, budget: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = cut(tmp_path, budget).run
    rows = unfinished(run)
    monkeypatch.setattr(Pack, "train_epoch", Mock(side_effect=MemoryError))
    resume(run.path, time_budget=None)
    assert unfinished(RunDirectory.open(run.path)) == rows


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_they_count_too_where_the_search_is_interrupted(
    tmp_path: Path, epochs: Epochs, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    whole = start(tmp_path, "whole", **SEARCH).run
    epochs.trained = 0
    train = Pack.train_epoch

    def interrupted(pack: Pack, leave: AskedToLeave | None) -> Any:
        if epochs.trained == 9:
            signal.raise_signal(number)
        return train(pack, leave)

    with monkeypatch.context() as patch:
        patch.setattr(Pack, "train_epoch", interrupted)
        found = start(tmp_path, "cut", report=True, **SEARCH)
    assert found.run.state() == "interrupted"
    assert {row["epochs_run"] for row in unfinished(found.run).values()} == {4}
    assert found.report is not None
    assert found.report.work.unfinished == 3
    resume(found.run.path)
    assert_same(found.run.path, whole)


def test_they_are_confirmed_as_far_as_they_were_trained(tmp_path: Path, epochs: Epochs, budget: Any) -> None:
    run = cut(tmp_path, budget, after=4).run
    before = epochs.trained
    found = confirm_run(run, options(confirm=2, confirm_seeds=2))
    assert epochs.trained > before
    again = run.confirmations().to_pylist()
    assert {(row["state"], row["epochs_run"]) for row in again} == {("stopped", 4)}
    assert found.report is not None
    assert found.report.confirmation is not None
    assert found.report.confirmation.complete
    # In the schedule of all its epochs, as the search trained it.
    for row in again:
        config = dataclasses.replace(open_run(run.path).config(row["trial_id"]), seed=row["seed"])
        pack = Pack([config], TrainingData.from_arrays(**load_run_dataset(run).training_arrays("accuracy")))
        best = max(pack.train_epoch()[0].val["accuracy"] for _ in range(4))
        assert row["val_accuracy"] == best


def test_what_was_confirmed_early_is_confirmed_again_at_the_end(tmp_path: Path, budget: Any) -> None:
    run = cut(tmp_path, budget, after=4).run
    confirm_run(run, options(confirm=3, confirm_seeds=1))
    assert len(run.confirmations()) == 3
    found = resume(run.path, time_budget=None, confirm=6, confirm_seeds=1)
    rows = RunDirectory.open(run.path).confirmations().to_pylist()
    keys = [(row["trial_id"], row["seed"]) for row in rows]
    assert len(keys) == len(set(keys))
    assert found.report is not None
    assert found.report.confirmation is not None
    assert len(found.report.confirmation.configurations) == len(rows) == 6
    assert {row["epochs_run"] for row in rows} == {EPOCHS}
    assert found.report.confirmation.complete


def test_a_confirmation_is_not_complete_while_a_row_of_it_is_being_replaced(tmp_path: Path, budget: Any) -> None:
    run = cut(tmp_path, budget, after=4).run
    confirm_run(run, options(confirm=2, confirm_seeds=2))
    first = RunDirectory.open(run.path).manifest().confirmation
    assert first is not None
    Unfinished(run.path, aside=tmp_path / "aside").drop(first.trials[:1])
    found = confirmation_of(RunDirectory.open(run.path))
    assert found is not None
    assert (found.asked, found.done, found.winner) == (4, 2, None)


def test_each_session_has_a_grace_for_a_first_epoch(
    tmp_path: Path, budget: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or one with less time than its start takes would never get on."""
    noted = Mock(side_effect=EarlyEnd)
    monkeypatch.setattr("fcsearch.search.loop.session.EarlyEnd", noted)
    run = cut(tmp_path, budget, after=2).run
    budget(3)
    resume(run.path, time_budget=500)
    assert [call.kwargs["grace"] for call in noted.call_args_list] == [10.0, 10.0]
