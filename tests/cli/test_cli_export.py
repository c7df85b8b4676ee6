"""`fcsearch export`: files that other programs use, and the card beside them."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import exported, ran
from customers import ROWS, table, write

from fcsearch.results import RunDirectory

# Loads a program where fcsearch cannot be imported, and tells what it says of rows.
_LOADER = """
import sys
sys.modules["fcsearch"] = None
import numpy as np, torch
about = {"fcsearch.classes": ""}
model = torch.export.load(sys.argv[1], extra_files=about).module()
found = model(torch.from_numpy(np.load(sys.argv[2])))
np.savez(sys.argv[3], label=found["label"].numpy(), probabilities=found["probabilities"].numpy())
print(about["fcsearch.classes"])
"""


def predicted(where: object, source: object, folder: Path, *arguments: str) -> pa.Table:
    out = folder / "predicted.parquet"
    ran("predict", where, source, "--out", out, *arguments)
    return pq.read_table(out)


def probabilities(found: pa.Table) -> Any:
    return np.stack([column.to_numpy() for column in found.columns[1:]], axis=1)


def loaded(program: Path, rows: Any, folder: Path) -> tuple[list[str], Any]:
    """Labels and probabilities of a torch program in a process without fcsearch."""
    np.save(folder / "rows.npy", rows)
    command = [sys.executable, "-c", _LOADER, str(program), str(folder / "rows.npy"), str(folder / "found.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    classes = json.loads(done.stdout)
    with np.load(folder / "found.npz") as found:
        return [classes[place] for place in found["label"]], found["probabilities"]


@pytest.fixture
def new_rows(tmp_path: Path) -> Path:
    """Rows with gaps of every kind, and categories that are not known."""
    jobs = pa.array([None if row % 7 == 0 else "abbot" if row % 5 == 0 else "cook" for row in range(ROWS)])
    return write(tmp_path, table(7).set_column(1, "job", jobs), "new_rows.csv")


def test_onnx_takes_named_columns_as_its_card_says(
    customers: RunDirectory, new_rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = exported(customers.path, tmp_path / "customers.onnx")
    assert "| age | float64 | rows x 1 | number; not a number (NaN) if it is missing |" in card
    assert "| job | string | rows x 1 | a category: 'cook', 'nurse', 'smith'; an empty text" in card
    found = predicted(customers.path, new_rows, tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(re.search(r"```python\n(.*?)```", card, re.DOTALL)[1], names)  # type: ignore[index]
    assert names["label"].tolist() == found["prediction"].to_pylist()
    np.testing.assert_allclose(names["probabilities"], probabilities(found), atol=1e-5)


@pytest.mark.usefixtures("new_rows")
def test_onnxruntime_tells_nobody_of_its_use(customers: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    told = {"env": {**kept, "TMPDIR": str(tmp_path / "temporary")}, "stdout": subprocess.DEVNULL}
    command = [sys.executable, "-m", "fcsearch", "export", str(customers.path), "--out", str(tmp_path / "model.onnx")]
    subprocess.run(command, check=True, **told)
    # Where it does, it leaves a file with the number of its session.
    assert list((tmp_path / "temporary").iterdir()) == []
    card = (tmp_path / "model.onnx.md").read_text()
    code = re.search(r"```python\n(.*?)```", card, re.DOTALL)
    subprocess.run([sys.executable, "-c", code[1]], check=True, cwd=tmp_path, **told)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_torch_needs_no_fcsearch(customers: RunDirectory, new_rows: Path, tmp_path: Path) -> None:
    card = exported(customers.path, tmp_path / "customers.pt2")
    assert "index of the category: 0 'cook', 1 'nurse', 2 'smith'; -1 for any other" in card
    beside = json.loads((tmp_path / "customers.pt2.transform.json").read_text())
    rows = pa.csv.read_csv(new_rows, convert_options=pa.csv.ConvertOptions(column_types={"code": pa.string()}))
    columns = []
    for item in beside["inputs"]:
        values = rows[item["name"]].to_pylist()
        if item["kind"] == "category":
            known = item["categories"]
            values = [known.index(v) if v in known else np.nan if v in (None, "") else -1 for v in values]
        columns.append(np.array([np.nan if value is None else value for value in values], dtype=np.float64))
    labels, values = loaded(tmp_path / "customers.pt2", np.stack(columns, axis=1), tmp_path)
    found = predicted(customers.path, new_rows, tmp_path)
    assert labels == found["prediction"].to_pylist()
    np.testing.assert_allclose(values, probabilities(found), atol=1e-5)


def test_images_go_in_as_an_array(run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime
    from sklearn.datasets import load_digits
    from synthetic_run import digits

    run.keep_transform(digits().transform)
    found = predicted(run.path, "digits", tmp_path)
    rows = load_digits().images.astype(np.uint8)[..., None]
    for name in ("digits.onnx", "digits.pt2"):
        card = exported(run.path, tmp_path / name)
        assert "| x | uint8 | rows x 8 x 8 x 1 | bytes from 0 to 255" in card
        monkeypatch.chdir(tmp_path)
        exec(re.search(r"```python\n(.*?)```", card, re.DOTALL)[1], {})  # type: ignore[index]
    session = onnxruntime.InferenceSession(tmp_path / "digits.onnx")
    label, values = session.run(["label", "probabilities"], {"x": rows})
    assert label.tolist() == found["prediction"].to_pylist()
    np.testing.assert_allclose(values, probabilities(found), atol=1e-5)
    labels, values = loaded(tmp_path / "digits.pt2", rows, tmp_path)
    assert labels == found["prediction"].to_pylist()
    np.testing.assert_allclose(values, probabilities(found), atol=1e-5)


def test_safetensors_predict_by_themselves(customers: RunDirectory, new_rows: Path, tmp_path: Path) -> None:
    card = exported(customers.path, tmp_path / "model.safetensors")
    assert "$ fcsearch predict model.safetensors new_rows.csv --out predictions.csv" in card
    whole = predicted(customers.path, new_rows, tmp_path)
    assert predicted(tmp_path / "model.safetensors", new_rows, tmp_path) == whole
    # And are exported again, without their run.
    card = exported(tmp_path / "model.safetensors", tmp_path / "again.onnx")
    assert "Not known: it was exported without its run." in card


def test_several_trials_together_are_the_mean_of_their_probabilities(run: RunDirectory, tmp_path: Path) -> None:
    import onnxruntime
    from sklearn.datasets import load_digits
    from synthetic_run import digits

    run.keep_transform(digits().transform)
    first, second, *_ = run.models.saved()
    run.models.save_ensemble({first: 0.25, second: 0.75}, {})
    apart = [probabilities(predicted(run.path, "digits", tmp_path, "--model", str(n))) for n in (first, second)]
    both = predicted(run.path, "digits", tmp_path, "--model", "ensemble")
    np.testing.assert_allclose(probabilities(both), 0.25 * apart[0] + 0.75 * apart[1], atol=1e-6)
    card = exported(run.path, tmp_path / "both.onnx", "--model", "ensemble")
    assert "weight 0.25" in card
    assert "Not known: its trials were not measured together." in card
    session = onnxruntime.InferenceSession(tmp_path / "both.onnx")
    rows = load_digits().images.astype(np.uint8)[..., None]
    label, values = session.run(["label", "probabilities"], {"x": rows})
    np.testing.assert_allclose(values, probabilities(both), atol=1e-5)
    assert label.tolist() == both["prediction"].to_pylist()


def test_bad_input_is_refused_and_nothing_is_written(
    customers: RunDirectory,
    made_run: RunDirectory,
    tmp_path: Path,
    refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "model.onnx"
    assert "must be a run directory; found nothing there" in refused("export", tmp_path / "gone", "--out", out)
    assert "must hold a run; found none" in refused("export", "--dir", tmp_path, "--out", out)
    assert "Missing option '--out'" in refused("export", customers.path)
    error = refused("export", customers.path, "--out", tmp_path / "model.bin")
    assert "--out must end in .pt2 (torch), .onnx (onnx), .safetensors (safetensors)" in error
    error = refused("export", customers.path, "--out", out, "--format", "torch")
    assert "--out must end in .pt2; found" in error
    assert "a folder that exists" in refused("export", customers.path, "--out", tmp_path / "no" / "model.onnx")
    (tmp_path / "folder.onnx").mkdir()
    assert "found the folder" in refused("export", customers.path, "--out", tmp_path / "folder.onnx")
    assert "and trained; found 9" in refused("export", customers.path, "--out", out, "--model", "9")
    assert "must say how columns become features" in refused("export", made_run.path, "--out", out)
    broken = shutil.copy(customers.models.path(0), tmp_path / "broken.safetensors")
    broken.write_bytes(broken.read_bytes()[:50])
    assert "must be a model that fcsearch saved" in refused("export", broken, "--out", out)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert "Run: pip install 'fcsearch[onnx]'" in refused("export", customers.path, "--out", out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.safetensors", "folder.onnx"]
