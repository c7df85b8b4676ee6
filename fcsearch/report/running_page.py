"""report.html of a running search: written regularly by a process of its own, which yields to training."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from fcsearch.errors import FcsearchError
from fcsearch.report.build import REPORT_HTML, build_report
from fcsearch.report.known import known_measurements
from fcsearch.report.page import render_html
from fcsearch.results import FrozenRun, RunDirectory
from fcsearch.results.files import ASIDE

# A separate program that never imports `__main__`. Modules are found where the search finds them.
_PROGRAM = "import sys; sys.path[:] = {path!r}; from fcsearch.report.running_page import main; main({run!r}, {every!r})"
# Training has priority.
_NICE = 15
# Pages take at most this fraction of a core: after a slow one the wait is longer.
_SHARE = 0.05
# How long to wait for the search to record its end.
_END_SECONDS = 10.0
_LOOK_SECONDS = 0.2


class RunningPage:
    """The process that writes the page, every so many seconds."""

    def __init__(self, run: RunDirectory, every: float) -> None:
        self._aside = run.path / ASIDE
        with run.log_path.open("a") as log:
            # In its own session: Ctrl-C is for the search.
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM.format(path=sys.path, run=str(run.path.resolve()), every=every)],
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        """End it at once: the search itself writes the last page."""
        self._process.kill()
        self._process.wait()
        self._close()
        # The file that it was about to write.
        (self._aside / f"{REPORT_HTML}.{self._process.pid}").unlink(missing_ok=True)

    def leave(self) -> None:
        """Let it write a last page, of the search's last state, and end by itself."""
        self._close()
        threading.Thread(target=self._process.wait, daemon=True).start()

    def _close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()


def input_closed(seconds: float) -> bool:
    """Whether standard input is closed, or becomes so within `seconds`."""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(ready)


def main(path: str, every: float, *, ended: Callable[[float], bool] = input_closed) -> None:
    """Write a run's page now and regularly, until the search has ended, or was killed.

    Args:
        path: The run directory.
        every: Seconds between two pages.
        ended: Waits for the search's end, for so many seconds at most; says whether it has come.
    """
    os.nice(_NICE)
    pause = _write(path, every)
    while not ended(pause):
        pause = _write(path, every)
    end = time.monotonic() + _END_SECONDS
    while time.monotonic() < end and _state(path) == "running":
        time.sleep(_LOOK_SECONDS)
    _write(path, every)


def write_running_page(path: Path, *, every: float) -> None:
    """Write a run's report.html from its current state; nothing is measured.

    Args:
        path: The run directory.
        every: After how many seconds the page looks for the next one, if the search is running.

    Raises:
        RunError: a part of the tables was moved at this moment, or the file cannot be written.
    """
    run = FrozenRun.open(path)
    report = build_report(run, **vars(known_measurements(run)))
    run.write_file(REPORT_HTML, render_html(report, run, every=every))


def _write(path: str, every: float) -> float:
    """Write the page; returns the seconds to wait before the next one."""
    began = time.process_time()
    # A file that cannot be read or written now may work next time, and the search itself reports errors.
    with contextlib.suppress(FcsearchError, OSError):
        write_running_page(Path(path), every=every)
    return max(every, (time.process_time() - began) / _SHARE)


def _state(path: str) -> str | None:
    try:
        return RunDirectory.open(Path(path)).state()
    except (FcsearchError, OSError):
        return None
