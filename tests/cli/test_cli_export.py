"""`fcsearch export`: files that other programs use, and the card beside them."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from customers import ROWS, customers, table, write
from run_fixtures import made_run, run

from fcsearch.cli.export import export
from fcsearch.cli.predict import predict
from fcsearch.evaluation import Lead
from fcsearch.report import build_report, known_measurements, write_report
from fcsearch.report.card import _own_verdict
from fcsearch.report.caution import Caution
from fcsearch.report.verdict import NOT_SHOWN, Opening
from fcsearch.results import RunDirectory, open_run

__all__ = ["customers", "made_run", "run"]

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


def exported(where: object, out: Path, *arguments: str) -> str:
    result = CliRunner().invoke(export, [str(where), "--out", str(out), *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return out.with_name(out.name + ".md").read_text()


def predicted(where: object, source: object, folder: Path, *arguments: str) -> pa.Table:
    out = folder / "predicted.parquet"
    command = [str(where), str(source), "--out", str(out), *arguments]
    result = CliRunner().invoke(predict, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
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
    assert code is not None
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


def test_the_card_has_figures_with_their_errors_and_nothing_of_the_machine(run: RunDirectory, tmp_path: Path) -> None:
    from synthetic_run import digits

    run.keep_transform(digits().transform)
    report = write_report(run)
    card = exported(run.path, tmp_path / "out.safetensors")
    assert report.test.measurement is not None
    for found in (report.validation, report.test.measurement):
        assert found is not None
        assert f"| {100 * found.accuracy:.2f}% | {100 * found.standard_error:.2f} points |" in card
    assert "The baseline is that of always answering the commonest class, `3`." in card
    assert f"- Fingerprint: `{digits().fingerprint}`" in card
    assert "A classifier of 10 classes: `0`, `1`, `2`" in card
    assert "- Features: 1 array; numbers shifted and scaled: 64 features" in card
    assert "preprocessing dataset" not in card
    assert f"- It is trial {open_run(run.path).best['trial_id']} of synthetic, a run of 48 trials, seed 0" in card
    assert "Nothing was learned" not in card
    for word in (str(tmp_path), str(Path.home()), str(Path(sys.prefix)), socket.gethostname(), "node-1"):
        assert word not in card
    other = next(trial for trial in run.models.saved() if trial != open_run(run.path).best["trial_id"])
    card = exported(run.path, tmp_path / "out.safetensors", "--model", str(other))
    assert "It was not measured on test rows." in card


@pytest.mark.parametrize("losing", [("validation",), ("test",), ("validation", "test")])
def test_the_card_has_the_verdict_of_the_report(run: RunDirectory, tmp_path: Path, losing: tuple[str, ...]) -> None:
    """Either both say that nothing was learned, in the same words, or neither does."""
    from synthetic_run import digits

    run.keep_transform(digits().transform)
    write_report(run)
    stored = json.loads((run.path / "report.json").read_text())
    for split in losing:
        measured = stored["validation"] if split == "validation" else stored["test"]["measurement"]
        measured["lead"]["gain"] = 0.0
    (run.path / "report.json").write_text(json.dumps(stored))
    trust = build_report(run, **vars(known_measurements(run))).trust
    verdict = trust.verdict
    card = exported(run.path, tmp_path / "out.safetensors")
    assert (verdict is None) == (len(losing) == 1)
    # And so with a lead that the test rows do not show.
    assert (trust.caution is not None) == (losing == ("test",))
    assert (f"**{trust.caution}**" in card) == (trust.caution is not None)
    assert ("is the figure to quote" in card) == (verdict is None)
    if verdict is None:
        assert "learned:" not in card
    else:
        assert f"**Nothing was learned:** {verdict.reason}\n" in card


def test_no_figure_of_a_network_that_is_not_to_be_used_is_to_be_quoted(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthetic_run import digits

    run.keep_transform(digits().transform)
    write_report(run)
    for forbids in (True, False):
        caution = Caution("Mind this.", forbids)
        monkeypatch.setattr("fcsearch.report.card.opening_of_run", lambda *_, caution=caution: Opening(caution=caution))
        card = exported(run.path, tmp_path / f"{forbids}.safetensors")
        assert "**Mind this.**" in card
        assert ("is the figure to quote" in card) != forbids


def test_the_card_of_another_trial_has_no_word_on_the_chosen_one(run: RunDirectory, tmp_path: Path) -> None:
    from synthetic_run import digits

    run.keep_transform(digits().transform)
    write_report(run)
    stored = json.loads((run.path / "report.json").read_text())
    for measured in (stored["validation"], stored["test"]["measurement"]):
        measured["lead"]["gain"] = 0.0
    (run.path / "report.json").write_text(json.dumps(stored))
    other = next(trial for trial in run.models.saved() if trial != open_run(run.path).best["trial_id"])
    assert "learned:" in exported(run.path, tmp_path / "out.safetensors")
    card = exported(run.path, tmp_path / "other.safetensors", "--model", str(other))
    assert "learned:" not in card
    assert "the network is not ahead" not in card


def test_an_ensemble_and_a_refit_are_judged_by_their_own_figures(run: RunDirectory) -> None:
    write_report(run)
    known = known_measurements(run)
    assert known.validation is not None
    assert known.test.measurement is not None
    small, losing = Lead(0.02, 0.008), Lead(0.0, 0.01)
    validation = dataclasses.replace(known.validation, lead=small)
    test = dataclasses.replace(known.test.measurement, lead=losing)
    both = _own_verdict([validation, test], trials=48)
    assert both is not None
    assert both.claim == NOT_SHOWN
    assert (
        "by no more than chance explains for the best of 48 trials on these rows; and its test accuracy" in both.reason
    )
    alone = _own_verdict([test], trials=48)
    assert alone is not None
    assert (alone.claim, alone.reason[:18]) == (NOT_SHOWN, "its test accuracy,")
    assert _own_verdict([validation, dataclasses.replace(test, lead=small)], trials=48) is None
    assert _own_verdict([], trials=48) is None


def test_the_card_of_a_file_alone_names_the_settings_that_it_reads(customers: RunDirectory, tmp_path: Path) -> None:
    alone = shutil.copy(customers.models.path(0), tmp_path / "alone.safetensors")
    card = exported(alone, tmp_path / "model.safetensors")
    [line] = re.findall(r"- Hyperparameters: .*", card)
    assert "update_rule " in line
    assert "momentum" not in line
    assert "huber_delta" not in line


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
    assert "and have ended; found 9" in refused("export", customers.path, "--out", out, "--model", "9")
    assert "must say how columns become features" in refused("export", made_run.path, "--out", out)
    broken = shutil.copy(customers.models.path(0), tmp_path / "broken.safetensors")
    broken.write_bytes(broken.read_bytes()[:50])
    assert "must be a model that fcsearch saved" in refused("export", broken, "--out", out)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert "Run: pip install 'fcsearch[onnx]'" in refused("export", customers.path, "--out", out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.safetensors", "folder.onnx"]
