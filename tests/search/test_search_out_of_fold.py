"""With folds every row is predicted by the network that did not see it: what is kept of that, and what goes by it."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from commands import output_of
from fold_searches import FOLDS, PARAMETERS, expected_of, rows_of, search, write_table
from search_helpers import make_space
from sklearn.metrics import confusion_matrix

from fcsearch.config.objective import OBJECTIVES
from fcsearch.data import Dataset
from fcsearch.evaluation import load_run_dataset, measure_model
from fcsearch.evaluation.out_of_fold import measure_out_of_fold
from fcsearch.inference.choosing import choose_model
from fcsearch.report import write_report
from fcsearch.report.page.charts.regression import predicted_by
from fcsearch.report.terminal import render_text
from fcsearch.results import RunDirectory
from fcsearch.search.api import SearchResult, confirm_run, saved_options, start_search
from fcsearch.search.loop.refitting import joined
from fcsearch.search.options import SearchOptions
from fcsearch.search.record import keeping
from fcsearch.search.record.keeping import keep_best
from fcsearch.selection import chosen_trial, ensemble_answers_by_refit, load_members
from fcsearch.selection.calibration import KEY
from fcsearch.selection.ensemble import select_ensemble
from fcsearch.selection.refits import refit_configs
from fcsearch.selection.temperature import fit_temperature
from fcsearch.selection.validated import ValidationRows
from fcsearch.training import Pack
from fcsearch.training.judging import network, outputs

# Several threads would round otherwise.
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    return search(tmp_path_factory.mktemp("folds"), space={"trials": 6}, keep_models=6)


@pytest.fixture(scope="module")
def made(found: SearchResult) -> RunDirectory:
    return found.run


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A regression whose folds have targets of other means."""
    folder = tmp_path_factory.mktemp("houses")
    text = write_table(folder / "rows.csv").read_text().splitlines()
    values = [row.split(",")[:2] for row in text[1:]]
    lines = ["a,b,target", *(f"{a},{b},{1000 + 300 * float(a) - 100 * float(b)}" for a, b in values)]
    (folder / "numbers.csv").write_text("\n".join(lines) + "\n")
    space = make_space(
        folder,
        dataset={"source": str(folder / "numbers.csv"), "label": "target", "folds": FOLDS},
        parameters={**PARAMETERS, "update_rule": "adam"},
        trials=3,
    )
    return start_search(space, SearchOptions(pool="inline", confirm=0), path=folder / "run", command=["f"]).run


def out_of_fold_of(run: RunDirectory, row: dict[str, Any], data: Dataset) -> list[np.ndarray[Any, Any]]:
    """What each fold's network predicts for its validation rows."""
    result = expected_of(run, row)
    nets = [network(result.config, weights) for weights in result.by_fold]
    return [outputs(net, torch.from_numpy(fold.val.X)).numpy() for net, fold in zip(nets, data.folds, strict=True)]


def row_of(run: RunDirectory, trial: int) -> dict[str, Any]:
    return next(row for row in run.trials().to_pylist() if row["trial_id"] == trial)


def test_each_row_is_predicted_by_the_network_that_did_not_see_it(made: RunDirectory) -> None:
    data = load_run_dataset(made)
    assert made.predictions.saved() == made.models.saved()
    for trial in made.models.saved():
        parts = out_of_fold_of(made, row_of(made, trial), data)
        assert (made.predictions.load(trial) == np.concatenate(parts).astype(np.float16)).all()


def test_the_table_of_predictions_says_which_fold_run_and_dataset(made: RunDirectory) -> None:
    data, trial = load_run_dataset(made), made.models.saved()[0]
    table = pq.read_table(made.predictions.folder / f"trial-{trial:06d}.parquet")
    expected = [number for number, fold in enumerate(data.folds, start=1) for _ in range(len(fold.val))]
    assert table["fold"].to_pylist() == expected
    assert table["row"].to_pylist() == list(range(170))
    assert set(table["run"].to_pylist()) == {made.manifest().name}
    assert set(table["dataset"].to_pylist()) == {"rows"}


def test_the_ensemble_is_selected_by_the_rows_of_all_folds(made: RunDirectory) -> None:
    data = load_run_dataset(made)
    rows = ValidationRows(data.folds)
    kept = {trial: made.predictions.load(trial) for trial in made.predictions.saved()}
    judge = rows.judge(OBJECTIVES["accuracy"])
    assert made.models.ensemble() == select_ensemble(kept, judge)
    # A figure is the mean over the folds, as that of a trial is.
    stacked = torch.stack([torch.from_numpy(found.T.astype(np.float32)) for found in kept.values()])
    assert judge.value(stacked).tolist() == pytest.approx(
        [row_of(made, trial)["val_accuracy"] for trial in kept], abs=1e-6
    )


def test_temperatures_are_fitted_on_the_rows_of_all_folds(made: RunDirectory) -> None:
    data, winner = load_run_dataset(made), chosen_trial(made)
    y = torch.from_numpy(np.concatenate([fold.val.y for fold in data.folds]))
    kept = torch.from_numpy(made.predictions.load(winner).astype(np.float64)).clamp(min=1e-7)
    facts = made.models.metadata(winner)[KEY]
    assert facts["rows"] == 170
    assert facts["temperature"] == pytest.approx(fit_temperature(kept.log(), y).temperature)
    assert made.models.ensemble_facts()[KEY]["rows"] == 170


def test_the_winners_figures_by_class_are_of_all_rows(found: SearchResult) -> None:
    report, run = found.report, found.run
    measured = report.validation
    assert (measured.rows, measured.folds) == (170, FOLDS)
    assert measured.value == pytest.approx(report.best.row["val_accuracy"])
    data = load_run_dataset(run)
    parts = out_of_fold_of(run, report.best.row, data)
    y, answers = np.concatenate([fold.val.y for fold in data.folds]), np.concatenate(parts).argmax(1)
    assert np.array(measured.classification.confusion).tolist() == confusion_matrix(y, answers).tolist()
    # Disjoint rows: their variances add up.
    share = [np.mean(part.argmax(1) == fold.val.y) for part, fold in zip(parts, data.folds, strict=True)]
    errors = [p * (1 - p) / len(fold.val) for p, fold in zip(share, data.folds, strict=True)]
    assert measured.standard_error == pytest.approx(np.sqrt(sum(errors)) / FOLDS)
    assert report.by_class == measured
    text = " ".join(render_text(report, width=200).split())
    mean = f"mean of {FOLDS} folds"
    assert re.search(rf"{mean}, standard error [\d.]+ points; 170 rows, each by the network that did not see", text)
    assert f", the commonest class; {mean}" in text
    assert f"of the 170 validation rows ({mean})" in " ".join(report.trust.remarks)
    assert "the best network on the out-of-fold rows" in text
    assert "Out-of-fold rows by their class" in (run.path / "report.html").read_text()


def test_members_of_the_ensemble_are_fitted_again_on_all_rows(tmp_path: Path, made: RunDirectory) -> None:
    run = RunDirectory.open(shutil.copytree(made.path, tmp_path / "copy"))
    trials = run.models.saved()[:2]
    with run.writing():
        facts = {name: value for name, value in run.models.ensemble_facts().items() if name not in ("members", KEY)}
        run.models.save_ensemble(dict.fromkeys(trials, 0.5), facts)
    assert not ensemble_answers_by_refit(run)
    assert [member.path for member in load_members(run, "ensemble")] == [run.models.path(trial) for trial in trials]
    report = confirm_run(run, saved_options(run)).report
    data = load_run_dataset(run)
    members = load_members(run, "ensemble")
    for trial, member in zip(trials, members, strict=True):
        pack = Pack([refit_configs(run, [trial])[trial]], rows_of(joined(data)), keep_last=True)
        while pack.alive:
            pack.train_epoch()
        [again] = pack.results()
        assert all(torch.equal(member.net.params[name], weight) for name, weight in again.weights.items())
    assert report.ensemble.test == measure_model(run, members, data, "test")
    weights = dict.fromkeys(trials, 0.5)
    temperature = run.models.ensemble_facts()[KEY]["temperature"]
    assert report.ensemble.validation == measure_out_of_fold(run, weights, data, temperature=temperature)
    assert report.ensemble.versus.single == measure_model(run, load_members(run), data, "test").value
    # What answers is what was measured, and what was fitted again is not fitted once more.
    assert len(choose_model(str(run.path), "ensemble", tmp_path).predictor.members) == 2
    before = {path: path.stat().st_mtime_ns for path in run.models.folder.glob("refit-*")}
    again_report = confirm_run(run, saved_options(run)).report
    assert again_report.ensemble == report.ensemble
    assert {path: path.stat().st_mtime_ns for path in run.models.folder.glob("refit-*")} == before
    assert "it was trained on these rows" in output_of("evaluate", run.path, "--model", "ensemble", "--split", "val")
    # Members that were fitted anew are measured anew.
    path = run.models.member_refit_path(trials[0])
    facts = run.models.metadata(trials[0], path=path)
    run.models.save(trials[0], {name: -w for name, w in members[0].net.params.items()}, facts, path=path)
    third = write_report(run).ensemble
    assert third.test == measure_model(run, load_members(run, "ensemble"), data, "test")
    assert third.digest != report.ensemble.digest


def test_without_test_rows_the_ensemble_is_compared_on_the_rows_of_all_folds(tmp_path: Path) -> None:
    dataset = {"source": str(write_table(tmp_path / "rows.csv")), "label": "answer", "folds": 3, "test_fraction": 0.0}
    space = make_space(tmp_path, dataset=dataset, parameters=PARAMETERS, trials=6)
    run = start_search(space, SearchOptions(pool="inline", confirm=0), path=tmp_path / "run", command=["f"]).run
    with run.writing():
        facts = {name: value for name, value in run.models.ensemble_facts().items() if name != "members"}
        run.models.save_ensemble(dict.fromkeys(run.models.saved()[:2], 0.5), facts)
    report = write_report(run)
    versus = report.ensemble.versus
    assert versus.split == "val"
    assert versus.single == pytest.approx(report.validation.value)
    assert versus.single + versus.difference == pytest.approx(report.ensemble.validation.value)


def test_a_regressions_predictions_are_in_one_unit(houses: RunDirectory) -> None:
    data, winner = load_run_dataset(houses), chosen_trial(houses)
    targets = [fold.transform.target for fold in data.folds]
    assert len({target.offset for target in targets if target}) == FOLDS
    row = row_of(houses, winner)
    parts = out_of_fold_of(houses, row, data)
    values = [p[:, 0] * t.scale + t.offset for p, t in zip(parts, targets, strict=True) if t]
    shown = predicted_by(houses, winner, data)
    assert shown.predicted == pytest.approx(np.concatenate(values), rel=2e-3)
    report = write_report(houses)
    assert (report.validation.rows, report.validation.folds) == (170, FOLDS)
    # Predictions are kept in half precision.
    assert report.validation.value == pytest.approx(row["val_rmse"], rel=0.01)
    # Always answering the mean of the rows of all folds, measured in each.
    truth = [fold.val.y for fold in data.folds]
    middle = np.concatenate(truth).mean()
    expected = np.mean([np.sqrt(np.mean((y - middle) ** 2)) for y in truth])
    assert report.base_line.value == pytest.approx(expected)
    assert report.base_line.rows == 170
    # The other figures' baselines have one answer in all folds, too.
    assert report.validation.base_figures["rmse"] == report.base_line.value
    r2 = np.mean([-((y.mean() - middle) ** 2) / y.var() for y in truth])
    assert report.validation.base_figures["r2"] == pytest.approx(r2)


def test_a_run_whose_predictions_are_of_the_first_fold_is_read(tmp_path: Path, made: RunDirectory) -> None:
    run = RunDirectory.open(shutil.copytree(made.path, tmp_path / "earlier"))
    data = load_run_dataset(run)
    for trial in run.predictions.saved():
        path = run.predictions.folder / f"trial-{trial:06d}.parquet"
        table = pq.read_table(path).slice(0, len(data.val)).select(["trial_id", "row", "prediction"])
        pq.write_table(table, path)
    for path in (run.path / "report.json", *run.models.folder.glob("refit-*"), run.models.ensemble_path):
        path.unlink()
    manifest = (run.path / "run.json").read_text()
    assert '"class_counts"' in manifest
    report = confirm_run(run, saved_options(run)).report
    assert (report.validation.rows, report.validation.folds) == (len(data.val), None)
    assert run.models.ensemble()


def test_the_network_that_answers_is_fitted_before_the_ensemble_is_selected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a time budget there may be no time for anything else."""
    before: list[bool] = []

    def settle(run: RunDirectory, *arguments: Any) -> dict[int, float]:
        before.append(run.models.refit_path.is_file())
        return right(run, *arguments)

    right = keeping.settle_ensemble
    monkeypatch.setattr(keeping, "settle_ensemble", settle)
    run = search(tmp_path).run
    # The second time it is kept with the rest.
    assert before == [True, True]
    members = run.models.ensemble()
    assert ensemble_answers_by_refit(run)
    chosen = chosen_trial(run)
    if chosen in members:
        again, answers = run.models.load_refit(member=chosen).params, run.models.load_refit().params
        assert all(torch.equal(again[name], values) for name, values in answers.items())


def test_trials_of_an_earlier_version_stay_candidates(made: RunDirectory, tmp_path: Path) -> None:
    """It kept the predictions for the first fold's rows alone."""
    run = RunDirectory(shutil.copytree(made.path, tmp_path / "run"))
    data = load_run_dataset(run)
    trials = run.predictions.saved()
    for trial in trials[:-1]:
        run.predictions.save(trial, run.predictions.load(trial)[: len(data.val)])
    run.models.ensemble_path.unlink()
    with run.writing():
        keep_best(run, data, keep_models=6, ensemble=6)
    judge = ValidationRows((data,)).judge(OBJECTIVES["accuracy"])
    kept = {trial: made.predictions.load(trial)[: len(data.val)] for trial in trials}
    assert run.models.ensemble() == select_ensemble(kept, judge)
    assert run.models.saved() == made.models.saved()
