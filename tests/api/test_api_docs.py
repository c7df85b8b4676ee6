"""The examples of docs/python.md, run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_the_examples_run_one_after_another_in_a_script(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 6
    (tmp_path / "examples.py").write_text("\n".join(blocks))
    command = [sys.executable, "-W", "error", "examples.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "churn" / "report.html").is_file()
    assert done.stderr == ""
