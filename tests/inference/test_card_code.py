"""The code of a model card, run on a file like the one that the model learned from, predicts what fcsearch predicts."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.data.unlabelled import read_parts
from fcsearch.inference.choosing import Chosen
from fcsearch.inference.predictor import Member, Predictor
from fcsearch.nn import FullyConnectedNet
from fcsearch.report.export_files import export_with_card

ROWS = 240


def messy(seed: int = 0) -> pd.DataFrame:
    """Customers as a spreadsheet has them: dates in two writings, codes, gaps, and names that outputs have, too."""
    random = np.random.default_rng(seed)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 900, ROWS), unit="D")
    seen = days + pd.to_timedelta(random.integers(0, 10**6, ROWS), unit="s")
    table = pd.DataFrame(
        {
            "age": random.integers(18, 90, ROWS).astype(float),
            "spent": random.gamma(2, 50, ROWS).round(2),
            "city": random.choice(["Köln", "Bonn", "Ulm"], ROWS),
            "code": random.choice(["01", "1"], ROWS),
            "signed up": days.strftime("%Y-%m-%d"),
            "last seen": seen.strftime("%d.%m.%Y %H:%M:%S"),
            "member": random.choice(["true", "false"], ROWS),
            "label": random.normal(size=ROWS).round(3),
        }
    )
    table["churn"] = np.where(table["age"] + table["spent"] + random.normal(0, 20, ROWS) > 150, "yes", "no")
    for name in ("age", "city", "signed up", "last seen"):
        table.loc[random.random(ROWS) < 0.1, name] = None
    return table


def trained(source: Path, **options: Any) -> Predictor:
    data = load_dataset(DatasetSpec(str(source), **options))
    loss = {} if data.num_classes else {"loss": "squared"}
    network = FullyConnectedNet((9,), data.input_dim, data.outputs, weight_scale="kaiming", seed=1, **loss)
    return Predictor((Member(1.0, network),), data.transform)


def said_by_card(made: Predictor, folder: Path) -> dict[str, Any]:
    """The names that the code of the card of an ONNX file leaves."""
    export_with_card(Chosen("a model", made, {}), "onnx", folder / "model.onnx")
    card = (folder / "model.onnx.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(re.search(r"```python\n(.*?)```", card, re.DOTALL)[1], names)  # type: ignore[index]
    return names


def values(made: Predictor, source: Path) -> Any:
    return np.concatenate([made.values(part.X) for part in read_parts(DatasetSpec(str(source)), made.transform)])


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize(
    "writing",
    [{"sep": ";", "decimal": ","}, {"sep": "\t"}, {"sep": ","}, {"sep": ";", "decimal": ",", "index": False}],
)
def test_a_messy_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writing: dict[str, Any], task: str) -> None:
    messy().to_csv(tmp_path / "customers.csv", **writing)
    label = "churn" if task == "classification" else "spent"
    messy(7).assign(city="Rom").drop(columns=label).to_csv(tmp_path / "new_rows.csv", **writing)
    made = trained(tmp_path / "customers.csv", label=label, dates="parts")
    monkeypatch.chdir(tmp_path)
    found, wanted = said_by_card(made, tmp_path), values(made, tmp_path / "new_rows.csv")
    assert {item.name for item in made.transform.inputs} >= {"signed up", "last seen", "label"}
    if task == "classification":
        np.testing.assert_allclose(found["probabilities"], wanted, atol=1e-5)
        assert found["label"].tolist() == [made.transform.class_names[place] for place in wanted.argmax(1)]
    else:
        np.testing.assert_allclose(found["prediction"], wanted[:, 0], rtol=1e-5)


@pytest.mark.parametrize("sep", [",", ";"])
def test_codes_in_a_column_without_a_name_stay_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sep: str) -> None:
    codes = ["01", "1", "02"]
    rows = [f'{row % 7}{sep}"{codes[row % 3]}"{sep}{"b" if row % 3 else "a"}' for row in range(ROWS)]
    text = [f"size{sep}{sep}label", *rows, f"3{sep}x{sep}a", f"4{sep}x{sep}a"]
    (tmp_path / "customers.csv").write_text("\n".join(text) + "\n")
    (tmp_path / "new_rows.csv").write_text("\n".join([f"size{sep}{sep}label", *rows]) + "\n")
    made = trained(tmp_path / "customers.csv")
    assert [(item.name, item.kind) for item in made.transform.inputs] == [("size", "number"), ("", "category")]
    monkeypatch.chdir(tmp_path)
    found = said_by_card(made, tmp_path)
    np.testing.assert_allclose(found["probabilities"], values(made, tmp_path / "new_rows.csv"), atol=1e-5)


def test_times_with_zones_and_a_column_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = [f"2026-0{1 + row % 9}-1{row % 7}T{row % 24:02}:30:15+0{row % 4}:00" for row in range(ROWS)]
    columns = [pa.array([row % 11 for row in range(ROWS)]), times, ["a", "b"] * (ROWS // 2)]
    pa.csv.write_csv(pa.table(columns, names=["", "at", "label"]), tmp_path / "new_rows.csv")
    made = trained(tmp_path / "new_rows.csv", dates="parts", task="classification")
    monkeypatch.chdir(tmp_path)
    assert [item.title for item in made.transform.inputs][:2] == ["", "at.year"]
    found = said_by_card(made, tmp_path)
    np.testing.assert_allclose(found["probabilities"], values(made, tmp_path / "new_rows.csv"), atol=1e-5)
    assert torch.tensor(found["probabilities"]).std() > 0
