"""Searches whose trials are means over folds, whole: in this process, in others, and by Ray."""

import dataclasses
import json
import math
import shutil
import statistics
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from commands import output_of, ran
from engine_helpers import RecordingView
from fold_searches import FOLDS, PARAMETERS, expected_of, rows_of, search, write_table
from page_checks import data_of
from search_helpers import make_space

import fcsearch
from fcsearch.config.objective import OBJECTIVES
from fcsearch.evaluation import load_run_dataset, measure_model
from fcsearch.inference.choosing import choose_model
from fcsearch.inference.exporting import export_model
from fcsearch.report import build_report, known_measurements, write_report
from fcsearch.report.card import model_card
from fcsearch.report.closing import figures_line
from fcsearch.report.terminal import render_text
from fcsearch.results import RunDirectory, rank_trials
from fcsearch.results.records import row_config
from fcsearch.search.api import SearchResult, confirm_run, resume_search, saved_options, start_search
from fcsearch.search.loop.refitting import joined
from fcsearch.search.options import SearchOptions
from fcsearch.selection import chosen_trial, load_members
from fcsearch.selection.calibration import KEY
from fcsearch.selection.refits import refit_configs
from fcsearch.training import Pack, train_pack

# Several threads would round otherwise.
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    early = {"early_stopping": {"method": "asha", "min_epochs": 1, "reduction_factor": 2}}
    folder = tmp_path_factory.mktemp("folds")
    return search(folder, confirm=2, confirm_seeds=2, space={**early, "trials": 8}, pack_size=4)


@pytest.fixture(scope="module")
def made(found: SearchResult) -> RunDirectory:
    return found.run


@pytest.mark.usefixtures("_exact_packs")
def test_a_trial_is_the_mean_over_its_folds_whatever_trained_beside_it(made: RunDirectory) -> None:
    complete = [row for row in made.trials().to_pylist() if row["state"] == "complete"]
    assert complete
    for row in complete:
        result = expected_of(made, row)
        assert row["val_accuracy"] == result.best.val_accuracy
        assert row["val_standard_error"] == result.best.standard_error
        assert (row["best_epoch"], row["val_loss"]) == (result.best_epoch, result.best.val_loss)
    data = load_run_dataset(made)
    by_fold = [train_pack([row_config(complete[0])], rows_of(dataclasses.replace(f, others=()))) for f in data.folds]
    values = [result.epochs[complete[0]["best_epoch"] - 1].val["accuracy"] for [result] in by_fold]
    assert complete[0]["val_accuracy"] == pytest.approx(statistics.fmean(values))
    assert complete[0]["val_standard_error"] == pytest.approx(statistics.stdev(values) / math.sqrt(FOLDS))


def test_early_stopping_goes_by_the_mean(made: RunDirectory) -> None:
    rows = made.trials().to_pylist()
    stopped = {row["trial_id"] for row in rows if row["state"] == "stopped"}
    assert stopped
    first = made.epochs().to_pylist()
    means = {row["trial_id"]: row["val_accuracy"] for row in first if row["epoch"] == 1}
    # The first pack is judged by its own four means alone: the better half goes on.
    pack = sorted(row["trial_id"] for row in rows if row["pack_id"] == min(row["pack_id"] for row in rows))
    limit = sorted((means[trial] for trial in pack), reverse=True)[1]
    assert {trial for trial in pack if means[trial] < limit} == {
        trial for trial in pack if max(e["epoch"] for e in first if e["trial_id"] == trial) == 1
    }


def test_every_epoch_has_its_standard_error(made: RunDirectory) -> None:
    assert all(row["val_standard_error"] is not None for row in made.epochs().to_pylist())


def test_the_best_are_confirmed_with_other_seeds_on_the_same_folds(made: RunDirectory) -> None:
    rows = made.confirmations().to_pylist()
    assert len(rows) == 4
    searched = {row["trial_id"]: row for row in made.trials().to_pylist()}
    for row in rows:
        result = expected_of(made, {**searched[row["trial_id"]], "seed": row["seed"]})
        assert (row["val_accuracy"], row["val_standard_error"]) == (
            result.best.val_accuracy,
            result.best.standard_error,
        )
    described = made.manifest().dataset
    assert described is not None
    every = (described.rows.train or 0) + (described.rows.val or 0)
    measured = pq.read_table(made.path / "models.parquet").to_pylist()
    assert {row["rows"] for row in measured if row["model"] == "confirmed"} == {every}


@pytest.mark.usefixtures("_exact_packs")
def test_the_kept_model_is_that_of_the_first_fold(made: RunDirectory) -> None:
    data = load_run_dataset(made)
    for trial in made.models.saved():
        row = next(row for row in made.trials().to_pylist() if row["trial_id"] == trial)
        net = made.models.load(trial)
        assert net.params["W1"].shape[0] == data.input_dim
        config = dataclasses.replace(row_config(row), epochs=row["best_epoch"])
        pack = Pack([config], rows_of(dataclasses.replace(data, others=())), keep_last=True)
        while pack.alive:
            pack.train_epoch()
        [alone] = pack.results()
        assert all(torch.equal(net.params[name], weight) for name, weight in alone.weights.items())


@pytest.mark.parametrize("pool", ["local", pytest.param("ray", marks=pytest.mark.ray)])
def test_every_pool_trains_folds_alike_and_a_run_goes_on_with_them(tmp_path: Path, pool: str) -> None:
    run = search(tmp_path, pool=pool, space={"trials": 2}).run
    resume_search(run, SearchOptions(**{**saved_options(run).to_json(), "trials": 3}))
    rows = run.trials().to_pylist()
    assert len(rows) == 3
    for row in rows:
        best = expected_of(run, row).best
        for name, value in (("val_accuracy", best.val_accuracy), ("val_standard_error", best.standard_error)):
            assert row[name] == pytest.approx(value, rel=1e-6)


def test_train_makes_a_trial_again(made: RunDirectory) -> None:
    row = next(row for row in made.trials().to_pylist() if row["state"] == "complete")
    again = ran("train", "--run", made.path, "--trial", row["trial_id"], "--format", "json")
    assert json.loads(again.stdout)["val_accuracy"] == row["val_accuracy"]
    said = " ".join(again.stderr.split())
    assert f"the network that is kept is that of fold 1 of {FOLDS}, trained on" in said
    tested = ran("train", "--run", made.path, "--trial", row["trial_id"], "--test", "--format", "json").stderr
    assert "that is kept, and measured on the test rows, is that of fold 1" in " ".join(tested.split())
    trial = chosen_trial(made)
    told = output_of("evaluate", made.path, "--model", trial)
    assert told.startswith(f"trial {trial} (fold 1 of {FOLDS}) of ")


def test_a_regression_has_folds_too(tmp_path: Path) -> None:
    text = write_table(tmp_path / "rows.csv").read_text().splitlines()
    numbers = ["a,b,target", *(",".join([*row.split(",")[:2], row.split(",")[0]]) for row in text[1:])]
    (tmp_path / "numbers.csv").write_text("\n".join(numbers) + "\n")
    space = make_space(
        tmp_path,
        dataset={"source": str(tmp_path / "numbers.csv"), "label": "target", "folds": 4},
        parameters={**PARAMETERS, "update_rule": "adam"},
        trials=2,
    )
    options = SearchOptions(pool="inline", confirm=0)
    run = start_search(space, options, path=tmp_path / "run", command=["fcsearch"]).run
    rows = run.trials().to_pylist()
    assert all(0 < row["val_standard_error"] < row["val_rmse"] for row in rows)


def test_without_folds_there_is_no_standard_error_over_them(tmp_path: Path) -> None:
    space = make_space(tmp_path, parameters={**PARAMETERS, "epochs": 1}, trials=1)
    run = start_search(space, SearchOptions(pool="inline", confirm=0), path=tmp_path / "run", command=["f"]).run
    assert run.trials()["val_standard_error"].to_pylist() == [None]
    assert run.epochs()["val_standard_error"].to_pylist() == [None]


def test_what_is_used_is_the_winner_fitted_again_on_all_rows_but_the_test_rows(found: SearchResult) -> None:
    run, data, report = found.run, load_run_dataset(found.run), found.report
    winner = chosen_trial(run)
    pack = Pack([refit_configs(run, [winner])[winner]], rows_of(joined(data)), keep_last=True)
    while pack.alive:
        pack.train_epoch()
    [again] = pack.results()
    [member] = load_members(run)
    assert member.trial_id is None
    assert all(torch.equal(member.net.params[name], weight) for name, weight in again.weights.items())
    facts = run.models.metadata(winner, path=run.models.refit_path)
    assert facts[KEY] == run.models.metadata(winner)[KEY]
    assert (report.test.refit, report.test.measured_trials, report.refit) == (True, (winner,), None)
    assert report.test.measurement.accuracy == measure_model(run, [member], data, "test").accuracy
    assert (report.best.row["trial_id"], report.validation.trial_id) == (winner, winner)
    rows = {(row["model"], row["split"]) for row in pq.read_table(run.path / "models.parquet").to_pylist()}
    assert {("winner", "val"), ("refit", "test")} <= rows
    assert ("winner", "test") not in rows
    # What is known is not measured again.
    assert write_report(run).test == report.test


def card_of(run: RunDirectory) -> str:
    chosen = choose_model(str(run.path), None, run.path.parent)
    return model_card(chosen, export_model(chosen, "safetensors"), "safetensors", "model.safetensors")


@pytest.mark.parametrize("earlier", [False, True], ids=["fitted anew", "measured by an earlier version"])
def test_the_test_figure_is_of_the_network_as_it_is(made: RunDirectory, tmp_path: Path, earlier: bool) -> None:
    run = RunDirectory.open(shutil.copytree(made.path, tmp_path / "copy"))
    first, path = write_report(run), run.models.refit_path
    assert first.test.measurement is not None
    if earlier:
        stored = json.loads((run.path / "report.json").read_text())
        del stored["test"]["digest"]
        stored["test"]["measurement"]["accuracy"] = 0.125
        (run.path / "report.json").write_text(json.dumps(stored))
    else:
        facts = run.models.metadata(0, path=path)
        run.models.save(0, {name: -weight for name, weight in run.models.load_refit().params.items()}, facts, path=path)
    assert build_report(run, test=known_measurements(run).test).test.measurement is None
    assert "| 30 test rows |" not in card_of(run)
    second = write_report(run).test
    [member] = load_members(run)
    assert second.measurement == measure_model(run, [member], load_run_dataset(run), "test")
    assert second.measured_trials == first.test.measured_trials
    assert (second == first.test) is earlier
    assert "| 30 test rows |" in card_of(run)


def test_the_report_says_what_is_a_mean_and_which_network_is_used(found: SearchResult) -> None:
    report = found.report
    text = " ".join(render_text(report, width=200).split())
    error = OBJECTIVES["accuracy"].show_difference(report.best.row["val_standard_error"])
    assert f"mean of 3 folds, standard error {error}" in text
    assert "mean of 2 seeds in 3 folds, standard deviation" in text
    assert "170 in 3 folds, 30 test rows" in text
    assert "split 3 folds, each of 113 to 114 training and 56 to 57 validation rows" in text
    remarks = " ".join(report.trust.remarks)
    assert "is the mean of 3 folds: its standard error over them is" in remarks
    assert "the 170 validation rows" in remarks
    assert "the winner, trained on the 170 rows of all folds" in text
    assert f"(mean of 3 folds, standard error {error})" in figures_line(report, report.best)
    assert "mean of 3 folds" in (found.run.path / "report.html").read_text()


def test_the_page_shows_the_mean_of_the_folds_and_the_ensemble_beside_the_network_fitted_again(
    found: SearchResult, tmp_path: Path
) -> None:
    run = RunDirectory.open(shutil.copytree(found.run.path, tmp_path / "copy"))
    first, second = (row["trial_id"] for row in rank_trials(run.trials()).to_pylist()[:2])
    run.models.save_ensemble({first: 0.5, second: 0.5}, {})
    report = write_report(run)
    figures = data_of((run.path / "report.html").read_text())["charts"]["figures"]["spec"]["data"]["values"]
    row, error = report.best.row, report.best.row["val_standard_error"]
    (shown,) = [figure for figure in figures if figure["figure"] == "validation, 3 folds"]
    assert (shown["value"], shown["low"]) == (row["val_accuracy"], pytest.approx(row["val_accuracy"] - error))
    assert report.ensemble.versus.single == pytest.approx(report.test.measurement.accuracy)
    assert report.ensemble.digest is not None
    # What is known is not measured again.
    assert write_report(run).ensemble == report.ensemble


def test_predictions_and_exports_take_the_network_that_was_fitted_again(made: RunDirectory, tmp_path: Path) -> None:
    run = fcsearch.open_run(made.path)
    net, again = run.load_model(), made.models.load_refit()
    assert all(torch.equal(net.params[name], again.params[name]) for name in again.params)
    assert run.model.temperature == made.models.metadata(0, path=made.models.refit_path)[KEY]["temperature"]
    chosen = choose_model(str(made.path), None, tmp_path)
    assert chosen.trials == ()
    X = pa.table({"a": [0.5, -2.0], "b": [0.0, -1.0], "kind": ["often", "rare"]})
    assert run.predict(X).tolist() == ["yes", "no"]
    assert "it was trained on these rows" in output_of("evaluate", made.path, "--split", "val")


def test_without_a_refit_the_network_of_the_first_fold_is_used(tmp_path: Path) -> None:
    view = RecordingView()
    found = search(tmp_path, space={"trials": 2}, refit=False, view=view)
    [member] = load_members(found.run)
    assert member.trial_id == chosen_trial(found.run)
    assert (found.report.test.refit, found.report.refit) == (False, None)
    assert any("that of the first fold, trained on 11" in remark for remark in found.report.trust.remarks)
    # It can be made later.
    options = {**saved_options(found.run).to_json(), "refit": None}
    later = confirm_run(found.run, SearchOptions(**options)).report
    assert (later.test.refit, later.test.measured_trials) == (True, (member.trial_id,))


def test_a_run_from_before_there_were_folds_is_read(tmp_path: Path) -> None:
    space = make_space(tmp_path, parameters={**PARAMETERS, "epochs": 1}, trials=1)
    run = start_search(space, SearchOptions(pool="inline", confirm=0), path=tmp_path / "run", command=["f"]).run
    for path in (*run.path.glob("trials/*.parquet"), *run.path.glob("epochs/*.parquet")):
        pq.write_table(pq.read_table(path).drop_columns("val_standard_error"), path)
    manifest = json.loads((run.path / "run.json").read_text())
    del manifest["dataset"]["spec"]["folds"], manifest["space"]["dataset"]["folds"]
    (run.path / "run.json").write_text(json.dumps(manifest))
    again = RunDirectory.open(run.path)
    assert again.trials()["val_standard_error"].to_pylist() == [None]
    resume_search(again, SearchOptions(**{**saved_options(again).to_json(), "trials": 2, "refit": False}))
    assert len(RunDirectory.open(run.path).finished_trials()) == 2
