"""fcsearch in processes of its own, of which none outlives its test."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hygiene import processes_with, wait_until

_MARK = "FCSEARCH_TEST"


class Processes:
    """Starts commands, and knows all processes that they started: those inherit a mark in their environment.

    Args:
        folder: Working directory of the commands.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # What commands leave there that are killed is removed with it. Its path is short, for Ray's sockets.
        self.temporary = Path(tempfile.mkdtemp(prefix="", dir=os.environ["RAY_TMPDIR"]))
        self._mark = uuid.uuid4().hex
        place = str(self.temporary)
        self.env = {**os.environ, _MARK: self._mark, "TMPDIR": place, "RAY_TMPDIR": place, "OMP_NUM_THREADS": "1"}
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
        return processes_with(_MARK, self._mark)

    def end(self) -> None:
        """Kill whatever is left, and remove what it has left."""
        deadline = time.monotonic() + 20
        while (alive := self.alive()) and time.monotonic() < deadline:
            for number in alive:
                with_suppressed_kill(number)
            time.sleep(0.1)
        assert not alive
        for left in self.temporary.iterdir():
            # Files are a compiler's, killed at its work.
            shutil.rmtree(left) if left.is_dir() else left.unlink()


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
        found.temporary.rmdir()


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Processes]:
    """`fcsearch` in processes of its own."""
    with processes(tmp_path) as found:
        yield found


def wait_for(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    """Wait until the condition holds; fails if it does not in time."""
    assert wait_until(condition, seconds=seconds), "waited in vain"
