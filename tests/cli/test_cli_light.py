"""Commands that only look something up start at once: what takes a second to import is not for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from synthetic_run import add_trials, manifest

from fcsearch.results import RunDirectory

HEAVY = ("torch", "ray", "optuna", "sklearn", "scipy")
LIGHT = ["--version", "--help", "run --help", "resume --help", "spaces", "runs", "note a text", "tag a word"]


@pytest.mark.parametrize("command", LIGHT)
def test_a_light_command_imports_no_heavy_library(tmp_path: Path, command: str) -> None:
    """In a process of its own: this one has imported them all."""
    add_trials(RunDirectory.create(tmp_path / "runs" / "a", manifest("a")), range(8))
    code = (
        "import sys\nfrom fcsearch.cli import cli\n"
        f"cli.main({command.split()}, standalone_mode=False)\n"
        f"print('heavy:', *(name for name in {HEAVY} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].strip() == "heavy:"
