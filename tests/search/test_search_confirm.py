"""What follows a search: the best again with other seeds, the ensemble, the refit. Trained in this process."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from confirmed_searches import again, confirmation_in, pairs, search
from in_process_pool import InProcess
from search_helpers import make_space

import fcsearch.evaluation.measuring as evaluation
from fcsearch.errors import RunError
from fcsearch.evaluation import load_run_dataset
from fcsearch.report import write_report
from fcsearch.report.confirmed import confirmation_cells
from fcsearch.results import Manifest, RunDirectory, TrialRecord, rank_trials
from fcsearch.results.manifest import ConfirmationEntry
from fcsearch.results.records import row_config
from fcsearch.search.api import SearchResult, confirm_run, resume_search, saved_options
from fcsearch.search.loop.from_files import Watched
from fcsearch.search.options import SearchOptions
from fcsearch.search.pool.interface import PackFailed, Raised
from fcsearch.search.pool.messages import PackTask
from fcsearch.selection import confirmation_of, load_members
from fcsearch.training import Pack, TrainingData, train_pack
from fcsearch.training.judging import outputs


@pytest.fixture(scope="module")
def pool() -> InProcess:
    return InProcess()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, pool: InProcess) -> SearchResult:
    return search(tmp_path_factory.mktemp("finished"), pool)


def test_the_best_are_trained_again_with_other_seeds_in_packs_of_the_same_pool(
    finished: SearchResult, pool: InProcess
) -> None:
    run = finished.run
    best = rank_trials(run.trials())["trial_id"].to_pylist()[:2]
    assert pairs(run) == [(trial, seed) for trial in sorted(best) for seed in (1, 2, 3)]
    assert len(pool.rows) == 1
    assert [len(seeds) for seeds in pool.seeds] == [3, 3, 3, 3]
    assert sorted(itertools.chain(*pool.seeds[2:])) == [1, 1, 2, 2, 3, 3]
    assert run.manifest().confirmation == ConfirmationEntry(trials=tuple(best), seeds=(1, 2, 3))
    assert len(run.finished_trials()) == 6


def test_a_confirmation_is_what_that_configuration_gives_with_that_seed(finished: SearchResult) -> None:
    run = finished.run
    row = run.confirmations().to_pylist()[-1]
    searched = next(r for r in run.trials().to_pylist() if r["trial_id"] == row["trial_id"])
    data = load_run_dataset(run)
    arrays = TrainingData.from_arrays(data.train.X, data.train.y, data.val.X, data.val.y, num_classes=data.num_classes)
    result = train_pack([row_config({**searched, "seed": row["seed"]})], arrays)[0]
    assert (row["val_accuracy"], row["best_epoch"]) == (result.best.val_accuracy, result.best_epoch)


def test_the_report_is_about_the_confirmed_winner(finished: SearchResult) -> None:
    found, report = confirmation_of(finished.run), finished.report
    assert report.best.row["trial_id"] == report.test.measurement.trial_id == found.winner.trial_id
    assert report.confirmation == found
    assert "3 other seeds" in report.trust.remarks[0]
    assert not any("ran with one seed" in remark for remark in report.trust.remarks)


def test_predictions_are_those_of_the_models_and_no_others_are_kept(finished: SearchResult) -> None:
    run = finished.run
    X = torch.from_numpy(load_run_dataset(run).val.X)
    assert run.predictions.saved() == run.models.saved()
    for trial in run.models.saved():
        assert (run.predictions.load(trial) == outputs(run.models.load(trial), X).half().numpy()).all()
    best = rank_trials(run.trials())["trial_id"].to_pylist()[:3]
    confirmed = confirmation_of(run)
    assert set(run.models.saved()) == {*best, *run.models.ensemble(), confirmed.winner.trial_id}


def test_the_ensemble_is_no_worse_than_any_network_on_the_validation_rows(finished: SearchResult) -> None:
    run, val = finished.run, load_run_dataset(finished.run).val
    members = load_members(run, "ensemble")
    mean = sum(weight * outputs(net, torch.from_numpy(val.X)) for weight, net, *_ in members)
    assert isinstance(mean, torch.Tensor)
    accuracy = float((mean.argmax(1).numpy() == val.y).mean())
    assert sum(weight for weight, *_ in members) == pytest.approx(1)
    assert accuracy >= max(rank_trials(run.trials())["val_accuracy"].to_pylist()) - 1e-9
    ensemble = finished.report.ensemble  # type: ignore[union-attr]
    if len(members) > 1:
        assert ensemble.validation.accuracy == pytest.approx(accuracy)
        assert ensemble.versus.split == "test"


def test_nothing_is_trained_or_measured_twice(finished: SearchResult, monkeypatch: pytest.MonkeyPatch) -> None:
    before, report = pairs(finished.run), finished.report

    def forbidden(*_: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(evaluation, "measure_members", forbidden)
    monkeypatch.setattr("fcsearch.report.measure.compare", forbidden)
    pool = InProcess()
    found = again(RunDirectory.open(finished.run.path), pool)
    assert (pool.rows, pool.tasks, pairs(found.run)) == ([], [], before)
    assert (found.report.test, found.report.ensemble) == (report.test, report.ensemble)


def test_a_run_of_one_seed_repeats_with_its_confirmation(finished: SearchResult, tmp_path: Path) -> None:
    other = search(tmp_path, InProcess()).run
    columns = ["trial_id", "seed", "val_accuracy", "val_loss", "best_epoch"]
    assert other.confirmations().select(columns) == finished.run.confirmations().select(columns)
    assert other.models.ensemble() == finished.run.models.ensemble()


def test_more_seeds_add_to_those_that_are_done(tmp_path: Path) -> None:
    run = search(tmp_path, InProcess(), confirm_seeds=1).run
    pool = InProcess()
    again(run, pool, confirm_seeds=2)
    assert sorted(itertools.chain(*pool.seeds)) == [2, 2]
    assert len(pairs(run)) == 4


def test_an_earlier_confirmation_of_more_stays_in_the_report(tmp_path: Path) -> None:
    """Fewer configurations or seeds are asked for later: nothing is trained, and nothing that was trained is hidden."""
    run = search(tmp_path, InProcess(), confirm=3).run
    before, pool = confirmation_in(run), InProcess()
    assert len(before.configurations) == 3
    for less in ({"confirm": 2}, {"confirm": 1, "confirm_seeds": 2}):
        found = again(run, pool, **less).report.confirmation  # type: ignore[union-attr]
        assert found.complete
        assert dataclasses.replace(found, asked=9, done=9) == before
    assert pool.tasks == []
    watched = Watched(run)
    watched.look()
    status = watched.status()
    assert (status.total, sum(status.counts.values()), status.what) == (2, 2, "confirmations")


def test_a_configuration_with_fewer_seeds_is_shown_and_not_ranked(tmp_path: Path) -> None:
    run = search(tmp_path, InProcess(), confirm=3).run
    before = {entry.trial_id: entry.values for entry in confirmation_in(run).configurations}
    found = again(run, InProcess(), confirm=2, confirm_seeds=4).report.confirmation  # type: ignore[union-attr]
    *ranked, last = found.configurations
    assert [len(entry.values) for entry in ranked] == [4, 4]
    assert (found.ranked, found.asked, found.done, found.complete) == (tuple(ranked), 8, 8, True)
    assert (last.values, last.tied, last.fewer_seeds) == (before[last.trial_id], False, True)
    assert last.trial_id not in {found.winner.trial_id, *found.ties, *found.beaten}
    assert confirmation_cells(found)[1][-1][-1] == "fewer seeds"


def test_the_confirmed_winner_keeps_its_network_while_a_search_goes_on(tmp_path: Path) -> None:
    run = search(tmp_path, InProcess(), confirm=0, ensemble=0, keep_models=6).run
    last = rank_trials(run.trials())["trial_id"].to_pylist()[-1]
    [row] = [row for row in run.trials().to_pylist() if row["trial_id"] == last]
    with run.writing():
        run.write_confirmations(run.next_pack_id(), [TrialRecord.from_row({**row, "seed": 1})])
        run.update_manifest({"confirmation": {"trials": [last], "seeds": [1]}})
    more = dataclasses.replace(saved_options(run), trials=9, keep_models=5)
    assert resume_search(RunDirectory.open(run.path), more, open_pool=InProcess()).report.best.row["trial_id"] == last
    best = rank_trials(run.trials())["trial_id"].to_pylist()[:5]
    # Of the new ones some are among the best, so that networks went.
    assert last not in best
    assert max(best) >= 6
    assert set(run.models.saved()) == {*best, last}


def test_one_that_was_confirmed_earlier_has_its_network_when_it_wins_again(tmp_path: Path) -> None:
    """The later confirmation has had no time, so that no trial had won when the search went on."""
    run = search(tmp_path, InProcess(), confirm=0, ensemble=0, keep_models=6).run
    *_, other, last = rank_trials(run.trials())["trial_id"].to_pylist()
    rows = {row["trial_id"]: row for row in run.trials().to_pylist()}
    with run.writing():
        run.write_confirmations(run.next_pack_id(), [TrialRecord.from_row({**rows[last], "seed": 1})])
        run.update_manifest({"confirmation": {"trials": [other], "seeds": [1]}})
    assert confirmation_in(run).winner is None
    more = dataclasses.replace(saved_options(run), trials=9, keep_models=5)
    resume_search(RunDirectory.open(run.path), more, open_pool=InProcess())
    best = rank_trials(run.trials())["trial_id"].to_pylist()[:5]
    assert last not in best
    assert max(best) >= 6
    assert set(run.models.saved()) == {*best, last}


def test_a_training_that_fails_is_a_row_and_the_rest_goes_on(tmp_path: Path) -> None:
    def poison(task: PackTask) -> PackFailed | None:
        bad = any(trial.config.seed == 2 and trial.trial_id == 2 for trial in task.trials)
        return Raised(task.pack_id, "RuntimeError: two") if bad else None

    run = search(tmp_path, InProcess(poison)).run
    states = {(row["trial_id"], row["seed"]): (row["state"], row["error"]) for row in run.confirmations().to_pylist()}
    assert len(states) == 6
    assert sorted(value for value in states.values() if value[0] != "complete") == [("failed", "RuntimeError: two")]
    assert run.manifest().state == "complete"


def test_confirm_0_and_ensemble_0_leave_a_run_as_before(tmp_path: Path) -> None:
    pool = InProcess()
    found = search(tmp_path, pool, confirm=0, ensemble=0)
    assert (len(pool.tasks), pairs(found.run), found.run.manifest().confirmation) == (2, [], None)
    assert found.run.models.saved() == sorted(rank_trials(found.run.trials())["trial_id"].to_pylist()[:3])
    assert not (found.run.path / "predictions").exists()
    report = found.report
    assert (report.confirmation, report.ensemble) == (None, None)
    assert any("ran with one seed" in remark for remark in report.trust.remarks)


@pytest.mark.usefixtures("one_thread")
def test_a_refit_learns_from_both_splits_for_the_mean_best_epoch(tmp_path: Path) -> None:
    pool = InProcess()
    found = search(tmp_path, pool, refit=True)
    run, data = found.run, load_run_dataset(found.run)
    winner = confirmation_in(run).winner
    assert winner.best_epoch is not None
    assert pool.rows == [300, 300 + len(data.val)]
    config = pool.tasks[-1].trials[0].config
    assert (config.epochs, config.seed) == (round(winner.best_epoch), 0)
    # The weights of the last epoch: no rows are left to say which is best.
    rows = np.concatenate([data.train.X, data.val.X]), np.concatenate([data.train.y, data.val.y])
    joined = TrainingData.from_arrays(*rows, data.val.X, data.val.y, num_classes=data.num_classes)
    pack = Pack([config], joined, keep_last=True)
    while pack.alive:
        pack.train_epoch()
    net = run.models.load_refit()
    assert all(torch.equal(net.params[name], weight) for name, weight in pack.results()[0].weights.items())
    table = pq.read_table(run.path / "models.parquet").to_pylist()
    measured = [(row["model"], row["split"]) for row in table]
    confirmed = {entry.trial_id: entry.mean for entry in confirmation_in(run).configurations}
    assert [pair for pair in measured if pair[0] != "ensemble"] == [
        ("winner", "val"),
        ("winner", "test"),
        ("refit", "test"),
        *[("confirmed", "val")] * len(confirmed),
    ]
    assert {row["trial_id"]: row["value"] for row in table if row["model"] == "confirmed"} == confirmed
    assert {row["run"] for row in table} == {run.manifest().name}
    assert table[1]["accuracy"] == found.report.test.measurement.accuracy  # type: ignore[union-attr]
    refit = found.report.refit  # type: ignore[union-attr]
    assert refit.test is not None
    assert refit.validation is None


@pytest.mark.usefixtures("one_thread")
def test_a_refit_is_made_and_measured_again_only_where_it_is_another(tmp_path: Path) -> None:
    found = search(tmp_path, InProcess(), refit=True)
    run, pool = found.run, InProcess()
    resume_search(RunDirectory.open(run.path), saved_options(run), open_pool=pool)
    assert again(run, pool, refit=True).report.refit == found.report.refit  # type: ignore[union-attr]
    assert (pool.rows, pool.tasks) == ([], [])
    path = run.models.refit_path
    facts = run.models.metadata(0, path=path)
    nothing = {name: torch.zeros_like(weight) for name, weight in run.models.load_refit().params.items()}
    run.models.save(0, nothing, {**facts, "config": {**facts["config"], "epochs": 99}}, path=path)
    other = write_report(run).refit
    assert other.test.accuracy < 0.2
    assert again(run, pool, refit=True).report.refit == found.report.refit  # type: ignore[union-attr]
    assert len(pool.tasks) == 1
    path.write_bytes(b"damaged")
    assert "refit.safetensors must be a model" in (write_report(run).refit.note or "")  # type: ignore[union-attr]
    again(run, pool, refit=True)
    assert len(pool.tasks) == 2


def test_a_run_without_a_result_cannot_be_confirmed(tmp_path: Path) -> None:
    space = make_space(tmp_path)
    run = RunDirectory.create(tmp_path / "run", Manifest(name="run", state="running", space=space.to_json()))
    with pytest.raises(RunError, match="must have a trial with a result; found none; continue it: `fcsearch resume"):
        confirm_run(run, SearchOptions(), open_pool=InProcess())
