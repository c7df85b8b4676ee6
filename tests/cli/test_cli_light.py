"""Commands that only look something up start at once: what takes a second to import is not for them."""

import subprocess
import sys
from pathlib import Path

import pytest
from synthetic_run import add_trials, manifest

from fcsearch.report import write_report
from fcsearch.results import RunDirectory

HEAVY = ("torch", "ray", "optuna", "sklearn", "scipy")
LIGHT = ["--version", "--help", "run --help", "resume --help", "spaces", "runs", "note a text", "tag a word"]


def imported_by(command: str, folder: Path) -> list[str]:
    """Which of HEAVY a command imports, in a process of its own: this one has imported them all."""
    code = (
        "import sys\nfrom fcsearch.cli import cli\n"
        f"cli.main({command.split()}, standalone_mode=False)\n"
        f"print('heavy:', *(name for name in {HEAVY} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    [before, *found] = done.stdout.splitlines()[-1].split()
    assert before == "heavy:"
    return found


@pytest.mark.parametrize("command", LIGHT)
def test_a_light_command_imports_no_heavy_library(tmp_path: Path, command: str) -> None:
    add_trials(RunDirectory.create(tmp_path / "runs" / "a", manifest("a")), range(8))
    assert imported_by(command, tmp_path) == []


def test_the_report_of_a_run_that_is_measured_needs_no_network(run: RunDirectory) -> None:
    """It reads spaces, and so Optuna."""
    first = write_report(run)
    assert imported_by(f"report ./{run.path.name}", run.path.parent) == ["optuna"]
    assert write_report(run) == first
    (run.path / "report.json").unlink()
    assert "torch" in imported_by(f"report ./{run.path.name}", run.path.parent)
