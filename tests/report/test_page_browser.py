"""The page in Chromium, where it is installed: everything is drawn, and nothing is complained of."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from synthetic_run import add_trials, manifest, trial_row

from fcsearch.report import write_report
from fcsearch.results import RunDirectory

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, which is not installed")


def all_trials(run: RunDirectory) -> None:
    add_trials(run, range(48))


def one_trial(run: RunDirectory) -> None:
    run.write_pack(0, [{**trial_row(0), "state": "complete"}], [])


def all_diverged(run: RunDirectory) -> None:
    nothing = dict.fromkeys(("val_accuracy", "best_epoch", "train_accuracy", "val_loss"))
    run.write_pack(0, [{**trial_row(i), **nothing, "state": "diverged"} for i in range(24)], [])


def no_trial(run: RunDirectory) -> None:
    assert len(run.trials()) == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    """For the browser's own files: its sockets need a short path, and it leaves much behind."""
    with tempfile.TemporaryDirectory(prefix="fc", dir="/tmp", ignore_cleanup_errors=True) as made:
        yield Path(made)


def page(address: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What Chromium makes of a page, and what it says of it."""
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", "--virtual-time-budget=60000",
        "--dump-dom", address,
    ]  # fmt: skip
    own = {**os.environ, "TMPDIR": str(folder), "HOME": str(folder)}
    return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False, env=own)


@pytest.mark.parametrize("fill", [all_trials, one_trial, all_diverged, no_trial])
def test_everything_is_drawn_without_a_complaint(
    tmp_path: Path, folder: Path, fill: Callable[[RunDirectory], None]
) -> None:
    if page("about:blank", folder).returncode != 0:
        pytest.skip("Chromium does not start here")
    run = RunDirectory.create(tmp_path / "run", manifest("run"))
    fill(run)
    write_report(run)
    done = page((run.path / "report.html").as_uri(), folder)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    assert 'data-drawn="yes"' in done.stdout
    charts = re.findall(r'data-chart="[^"]*"', done.stdout)
    assert done.stdout.count('class="marks"') == len(charts)
    rows = done.stdout.count('aria-label="Open trial ')
    assert rows == len(run.trials())
