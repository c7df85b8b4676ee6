"""What follows a search goes by the search's own objective: confirmation, ensemble and refit of a regression too."""

import re
import statistics
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner
from commands import json_of, ran
from in_process_pool import InProcess
from search_helpers import make_space, write_table

from fcsearch.cli.export import export
from fcsearch.cli.predict import predict
from fcsearch.config.objective import OBJECTIVES
from fcsearch.evaluation import load_run_dataset
from fcsearch.report.terminal import render_text
from fcsearch.results import rank_trials
from fcsearch.search.api import SearchResult, start_search
from fcsearch.search.options import SearchOptions
from fcsearch.selection import confirmation_of, load_members

PARAMETERS: dict[str, Any] = {
    "learning_rate": {"choices": [0.1, 0.03, 0.01]},
    "update_rule": "adam",
    "hidden_dim": {"choices": [16, 64]},
    "batch_size": 32,
    "epochs": 30,
}


def search(folder: Path, source: Path, label: str, **keys: Any) -> SearchResult:
    dataset = {"source": str(source), "label": label}
    space = make_space(folder, parameters=PARAMETERS, sampler="grid", dataset=dataset, **keys)
    options = SearchOptions(workers=1, confirm=3, confirm_seeds=3, refit=True)
    return start_search(space, options, path=folder / "run", command=["fcsearch"], open_pool=InProcess())


def noisy(X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    noise = np.random.default_rng(1).normal(0, 100, len(X))
    return 5000 + 300 * np.abs(X[:, 0]) - 200 * X[:, 1] * X[:, 2] + noise


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    folder = tmp_path_factory.mktemp("houses")
    return search(folder, write_table(folder / "houses.csv", noisy, "price"), "price")


@pytest.fixture(scope="module", params=["log_loss", "average_precision"])
def churn(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> SearchResult:
    folder = tmp_path_factory.mktemp("churn")
    table = write_table(folder / "churn.csv", lambda X: np.where(noisy(X) > 5500, "no", "yes"), "churn")
    return search(folder, table, "churn", objective=request.param)


def test_the_winner_of_a_regression_has_the_lowest_mean_error(houses: SearchResult) -> None:
    rows = houses.run.confirmations().to_pylist()
    assert len(rows) == 9
    assert {row["val_accuracy"] for row in rows} == {None}
    found = confirmation_of(houses.run)
    means = {
        trial: statistics.fmean(row["val_rmse"] for row in rows if row["trial_id"] == trial)
        for trial in {row["trial_id"] for row in rows}
    }
    assert found.winner.trial_id == min(means, key=lambda trial: means[trial])
    assert found.winner.mean == pytest.approx(min(means.values()))
    # In the unit of the target, whose noise is 100.
    assert found.winner.mean > 80
    assert houses.report.best.row["trial_id"] == found.winner.trial_id


def test_the_report_of_a_regression_speaks_of_its_own_unit(houses: SearchResult) -> None:
    report = houses.report
    confirmed = report.confirmation
    text = render_text(report, width=100)
    figure = OBJECTIVES["rmse"].show(confirmed.winner.mean)
    assert f"has validation RMSE {figure} on average" in " ".join(text.split())
    assert "test, ensemble" in text
    assert "test, refit" in text
    for part in (text.split("What each parameter did")[0], text.split("How far to trust it")[1]):
        assert "points" not in part
        assert "%" not in part
    page = (houses.run.path / "report.html").read_text()
    assert "RMSE, and the standard error of a lead" in page


def test_the_ensemble_of_a_regression_is_the_mean_of_predictions(houses: SearchResult) -> None:
    run, data = houses.run, load_run_dataset(houses.run)
    members = load_members(run, "ensemble")
    assert len(members) > 1
    target = data.transform.target
    X = torch.from_numpy(data.val.X)
    apart = [net.loss(X).numpy()[:, 0] * target.scale + target.offset for _, net, *_ in members]
    mean = sum(weight * one for (weight, *_), one in zip(members, apart, strict=True))
    rmse = float(np.sqrt(np.square(mean - data.val.y).mean()))
    assert rmse <= min(rank_trials(run.trials())["val_rmse"].to_pylist()) * 1.001
    found = houses.report.ensemble  # type: ignore[union-attr]
    assert found.validation.value == pytest.approx(rmse, rel=1e-5)
    winner = houses.report.test.measurement  # type: ignore[union-attr]
    assert found.versus.single == pytest.approx(winner.value)
    assert found.versus.difference == pytest.approx(found.test.value - winner.value)
    assert 0 < found.versus.error < found.test.standard_error + winner.standard_error


@pytest.mark.parametrize("model", ["ensemble", "refit"])
def test_predict_and_evaluate_use_them(houses: SearchResult, tmp_path: Path, model: str) -> None:
    run, data = houses.run, load_run_dataset(houses.run)
    source, out = str(data.spec.source), tmp_path / "out.parquet"
    ran("predict", run.path, source, "--model", model, "--out", out, "--keep", "price")
    found = pq.read_table(out)
    errors = found["prediction"].to_numpy() - found["price"].cast("double").to_numpy()
    measured = json_of("evaluate", run.path, "--model", model, "--dataset", source)
    assert measured["value"] == pytest.approx(np.sqrt(np.square(errors).mean()))


@pytest.mark.parametrize(
    ("model", "ending"), [("confirmed", "onnx"), ("ensemble", "onnx"), ("refit", "onnx"), ("ensemble", "pt2")]
)
def test_an_exported_regression_is_used_as_its_card_says(
    houses: SearchResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, ending: str
) -> None:
    monkeypatch.chdir(tmp_path)
    source = str(load_run_dataset(houses.run).spec.source)
    (tmp_path / "new_rows.csv").write_bytes(Path(source).read_bytes())
    run_it(export, houses, "--out", f"model.{ending}", "--model", model)
    run_it(predict, houses, source, "--out", "wanted.parquet", "--model", model)
    card = Path(f"model.{ending}.md").read_text()
    assert "A regression: it predicts `price`, whose mean is 5," in card
    assert "in the unit of the label" in card
    assert "| test rows |" not in card
    assert "test rows | " in card
    assert "The baseline is that of always answering the mean (" in card
    assert "balanced" not in card
    assert "robabilities" not in card
    names: dict[str, Any] = {}
    exec(re.search(r"```python\n(.*?)```", card, re.DOTALL)[1], names)  # type: ignore[index]
    wanted = pq.read_table("wanted.parquet")["prediction"].to_numpy()
    if ending == "onnx":
        np.testing.assert_allclose(names["prediction"], wanted, rtol=1e-5)
    else:
        rows = pa.csv.read_csv(source)
        x = torch.from_numpy(np.stack([rows[name].to_numpy() for name in "abc"], axis=1))
        np.testing.assert_allclose(names["model"](x)["prediction"].numpy(), wanted, rtol=1e-5)


def test_a_regressions_safetensors_file_predicts_by_itself(houses: SearchResult, tmp_path: Path) -> None:
    source, out = str(load_run_dataset(houses.run).spec.source), tmp_path / "model.safetensors"
    run_it(export, houses, "--out", str(out))
    run_it(predict, houses, source, "--out", str(tmp_path / "wanted.parquet"))
    ran("predict", out, source, "--out", tmp_path / "found.parquet")
    assert pq.read_table(tmp_path / "found.parquet") == pq.read_table(tmp_path / "wanted.parquet")


def run_it(command: click.Command, result: SearchResult, *arguments: str) -> None:
    done = CliRunner().invoke(command, [str(result.run.path), *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def test_a_refit_of_a_regression_learns_from_both_splits(houses: SearchResult) -> None:
    run, data = houses.run, load_run_dataset(houses.run)
    metadata = run.models.metadata(0, path=run.models.refit_path)
    assert metadata["rows"] == "train+val"
    refit = houses.report.refit  # type: ignore[union-attr]
    assert refit.test.objective == "rmse"
    assert refit.test.rows == len(data.test)
    assert refit.test.value < refit.test.base_line.value  # type: ignore[union-attr]


def test_classes_are_confirmed_and_averaged_by_the_objective(churn: SearchResult) -> None:
    run, report = churn.run, churn.report
    objective = OBJECTIVES[report.objective]
    found = confirmation_of(run)
    gains = [objective.gain(entry.mean) for entry in found.configurations if entry.mean is not None]
    assert objective.gain(found.winner.mean or 0.0) == max(gains)
    best = max(objective.gain(value) for value in rank_trials(run.trials())[objective.column].to_pylist())
    if report.ensemble is None:
        assert set(run.models.ensemble()) == {found.winner.trial_id}
    else:
        assert report.ensemble.validation.objective == objective.name
        assert objective.gain(report.ensemble.validation.value) >= best - 2e-3
    table = pq.read_table(run.path / "models.parquet").to_pylist()
    assert {row["objective"] for row in table} == {objective.name}
    assert ("refit", "test") in {(row["model"], row["split"]) for row in table}
