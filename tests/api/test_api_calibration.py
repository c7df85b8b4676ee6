"""From a search to probabilities that were fitted on its validation rows, wherever probabilities are given."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch
from sklearn.metrics import log_loss

import fcsearch
from fcsearch.data import Dataset, DatasetSpec, dataset_in_memory
from fcsearch.evaluation.elsewhere import measure_other
from fcsearch.inference.choosing import choose_model
from fcsearch.inference.exporting import export_model
from fcsearch.results import RunDirectory
from fcsearch.search.record.keeping import keep_best
from fcsearch.selection import load_members
from fcsearch.selection.calibration import KEY, calibration_of

# Long and hard, so that the networks are far too sure.
SPACE = {
    "parameters": {
        "learning_rate": 0.01,
        "update_rule": "adam",
        "epochs": 40,
        "hidden_dim": {"choices": [32, 64]},
        "batch_size": 16,
    },
    "sampler": "grid",
}


def table(count: int = 600) -> pa.Table:
    """A class that follows from a number half of the time."""
    random = np.random.default_rng(0)
    X = random.normal(size=(count, 4))
    noisy = X[:, 0] + random.normal(size=count) > 0
    columns = {f"x{place}": X[:, place] for place in range(4)}
    return pa.table({**columns, "kind": np.where(noisy, "apple", "leaf")})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> fcsearch.Run:
    path = tmp_path_factory.mktemp("runs") / "noisy"
    return fcsearch.search(table(), label="kind", space=SPACE, pool="inline", out=path, confirm=0)


def dataset() -> Dataset:
    return dataset_in_memory(table(), None, DatasetSpec("memory:", label="kind"))


def test_the_log_loss_of_the_validation_rows_falls_and_classes_stay(run: fcsearch.Run) -> None:
    [member] = load_members(run.directory)
    found = calibration_of(run.directory, [member])
    assert found.temperature > 1.1
    X, y = dataset().val.X, dataset().val.y
    chosen = choose_model(str(run.path), None, run.path.parent).predictor
    assert (chosen.temperature, found.rows) == (found.temperature, len(y))
    after = chosen.values(X)
    assert log_loss(y, after) == pytest.approx(found.log_loss_after, rel=1e-5)
    scores = member.net.loss(torch.from_numpy(X)).double()
    before = torch.softmax(scores, 1).numpy()
    assert log_loss(y, before) == pytest.approx(found.log_loss_before, rel=1e-5)
    np.testing.assert_array_equal(after.argmax(1), before.argmax(1))


def test_predictions_measurements_and_exports_agree(run: fcsearch.Run, tmp_path: Path) -> None:
    rows = table()
    shares = run.predict_proba(rows)
    names = list(run.classes)
    y = np.array([names.index(kind) for kind in rows["kind"].to_pylist()])
    pa.parquet.write_table(rows, tmp_path / "rows.parquet")
    measured, _ = measure_other(run.directory, load_members(run.directory), str(tmp_path / "rows.parquet"))
    assert measured.figures["log_loss"] == pytest.approx(log_loss(y, shares), rel=1e-5)
    chosen = choose_model(str(run.path), None, tmp_path)
    for form in ("onnx", "torch"):
        assert (export_model(chosen, form).difference or 0) < 1e-5
    (tmp_path / "alone.safetensors").write_bytes(export_model(chosen, "safetensors").content)
    alone = choose_model(str(tmp_path / "alone.safetensors"), None, tmp_path)
    assert alone.predictor.temperature == chosen.predictor.temperature


def test_the_report_says_so(run: fcsearch.Run) -> None:
    report = json.loads((run.path / "report.json").read_text())
    [sentence] = [found["sentence"] for found in report["trust"]["findings"] if found["kind"] == "calibration"]
    assert "fitted on the 90 validation rows: their log loss falls from " in sentence


def test_an_ensemble_has_a_temperature_of_its_own_and_nothing_is_fitted_twice(
    run: fcsearch.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, rows = RunDirectory.open(run.path), dataset()
    directory.models.save_ensemble({0: 0.5, 1: 0.5}, {"trials": len(directory.finished_trials())})
    keep_best(directory, rows, keep_models=2, ensemble=2)
    members = load_members(directory, "ensemble")
    found = calibration_of(directory, members)
    assert found != calibration_of(directory, members[:1])
    chosen = choose_model(str(run.path), "ensemble", run.path.parent).predictor
    assert log_loss(rows.val.y, chosen.values(rows.val.X)) == pytest.approx(found.log_loss_after, rel=1e-5)
    monkeypatch.setattr("fcsearch.search.record.keeping.fit_temperature", None)
    keep_best(directory, rows, keep_models=2, ensemble=2)
    assert calibration_of(directory, members) == found
    assert KEY in directory.models.metadata(0)


def test_a_regression_has_none(tmp_path: Path) -> None:
    rows = table()
    run = fcsearch.search(
        rows.drop_columns("kind"), label="x3", space=SPACE, trials=1, pool="inline", confirm=0, out=tmp_path / "run"
    )
    assert KEY not in run.directory.models.metadata(0)
    assert run.predict(rows).shape == (rows.num_rows,)
