"""The notebook of examples/ runs, and shows what it promises."""

import json
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "digits.ipynb"


def kernel_of_this_python(folder: Path) -> None:
    """Have `python3` mean the Python that runs the tests, whatever else is installed."""
    place = folder / "kernels" / "python3"
    place.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (place / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "Python 3", "language": "python"}))


def test_it_runs_from_search_to_prediction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel_of_this_python(tmp_path / "jupyter")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "clear the outputs before you commit"
    nbclient.NotebookClient(notebook, timeout=150, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert [output for output in outputs if output.output_type in ("error", "stream")] == []
    shown = [output["data"] for output in outputs if "data" in output]
    assert sum(data.get("text/html", "").startswith("<iframe") for data in shown) == 4
    assert float(shown[-2]["text/plain"]) > 0.85
    assert (tmp_path / "runs" / "digits" / "report.html").is_file()
