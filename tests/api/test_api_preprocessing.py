"""Every preprocessing of a table's numbers, from a search to its predictions, measurements and exports."""

from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.csv
import pytest

import fcsearch
from fcsearch.evaluation.elsewhere import measure_other
from fcsearch.inference.choosing import choose_model
from fcsearch.inference.exporting import export_model
from fcsearch.selection import load_members

SPACE = {"parameters": {"learning_rate": 0.02, "update_rule": "adam", "epochs": 10, "hidden_dim": 16, "batch_size": 16}}


def table(count: int = 200) -> pa.Table:
    """The class follows from a number with a long tail and a text; another number has gaps."""
    random = np.random.default_rng(0)
    pay, shape = random.lognormal(8, 2, count), random.choice(["flat", "round"], count)
    noise = [None if row % 9 == 0 else float(value) for row, value in enumerate(random.normal(size=count))]
    kind = np.where((pay > np.exp(8)) & (shape == "round"), "apple", "leaf")
    return pa.table({"pay": pay, "shape": shape, "noise": noise, "kind": kind})


@pytest.mark.parametrize("preprocessing", ["quantile", "robust", "piecewise"])
def test_from_a_search_to_predictions_and_exports(preprocessing: str, tmp_path: Path) -> None:
    rows = table()
    run = fcsearch.search(
        rows,
        label="kind",
        space=SPACE,
        trials=1,
        pool="inline",
        confirm=0,
        dataset={"preprocessing": preprocessing, **({"bins": 8} if preprocessing == "piecewise" else {})},
        out=tmp_path / "run",
    )
    shuffled = rows.select(["noise", "kind", "shape", "pay"])
    assert (run.predict(shuffled) == rows["kind"].to_numpy()).mean() > 0.9
    pyarrow.csv.write_csv(shuffled, tmp_path / "other.csv")
    found, _ = measure_other(run.directory, load_members(run.directory), str(tmp_path / "other.csv"))
    assert found.value == pytest.approx((run.predict(rows) == rows["kind"].to_numpy()).mean())

    chosen = choose_model(str(tmp_path / "run"), None, tmp_path)
    session = onnxruntime.InferenceSession(export_model(chosen, "onnx").content)
    columns = {name: rows[name].to_numpy(zero_copy_only=False)[:, None] for name in ("pay", "noise", "shape")}
    [shares] = session.run(["probabilities"], columns)
    np.testing.assert_allclose(shares, run.predict_proba(rows), atol=1e-5)
    assert export_model(chosen, "torch").difference is not None
    (tmp_path / "alone.safetensors").write_bytes(export_model(chosen, "safetensors").content)
    alone = choose_model(str(tmp_path / "alone.safetensors"), None, tmp_path)
    assert alone.predictor.transform == run.model.transform
