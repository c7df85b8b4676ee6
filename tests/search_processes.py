"""fcsearch in processes of its own, of which none outlives its test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_MARK = "FCSEARCH_TEST"


class Processes:
    """Starts commands, and knows all processes that they started: those inherit a mark in their environment.

    Args:
        folder: Working directory of the commands.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mark = uuid.uuid4().hex
        self.env = {**os.environ, _MARK: self._mark, "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}
        self.env.pop("RAY_AUTH_MODE", None)

    def start(self, *arguments: str, prefix: Sequence[str] = ()) -> subprocess.Popen[str]:
        """Start `fcsearch` with these arguments, in a process group of its own, as a shell does."""
        command = [*prefix, sys.executable, "-m", "fcsearch", *arguments]
        with (self.folder / "out.txt").open("w") as out, (self.folder / "err.txt").open("w") as err:
            return subprocess.Popen(
                command, cwd=self.folder, env=self.env, stdout=out, stderr=err, text=True, start_new_session=True
            )

    def run(self, *arguments: str, prefix: Sequence[str] = (), timeout: float = 90) -> int:
        """Run `fcsearch` to its end; its exit code."""
        return self.start(*arguments, prefix=prefix).wait(timeout)

    @property
    def out(self) -> str:
        """What the last command wrote to standard output."""
        return (self.folder / "out.txt").read_text()

    @property
    def err(self) -> str:
        """What the last command wrote to standard error."""
        return (self.folder / "err.txt").read_text()

    def alive(self) -> dict[int, str]:
        """All processes that the commands started and that live: command by number."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if f"{_MARK}={self._mark}".encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
            except OSError:
                # It has ended, or is another user's.
                continue
        return found

    def end(self) -> None:
        """Kill whatever is left."""
        deadline = time.monotonic() + 20
        while (alive := self.alive()) and time.monotonic() < deadline:
            for number in alive:
                with_suppressed_kill(number)
            time.sleep(0.1)
        assert not alive


def with_suppressed_kill(number: int) -> None:
    """Kill a process, if it still lives."""
    try:
        os.kill(number, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def processes(folder: Path) -> Iterator[Processes]:
    """Commands that all end with the block."""
    found = Processes(folder)
    try:
        yield found
    finally:
        found.end()


def wait_for(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
