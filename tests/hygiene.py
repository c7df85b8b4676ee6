"""The suite's own surroundings: what the machine and its user have set reaches no test, and no test leaves anything.

The session gets a folder with an empty home and an empty temporary folder, and a short folder for Ray's sockets. What
is left in the temporary folder or in Ray's when all tests are over, or is left running, fails the session.
"""

import gc
import os
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MARK = "FCSEARCH_TEST_SESSION"
# Colours, widths, languages and folders of the user; the user's settings of Ray, torch and fcsearch.
_UNSET = (
    "CI", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "COLORTERM", "FORCE_COLOR", "LINES", "NO_COLOR", "PY_COLORS",
    "TTY_COMPATIBLE", "TTY_INTERACTIVE", "LANGUAGE", "MPLBACKEND", "MPLCONFIGDIR", "RAY_ADDRESS",
    "RAY_AUTH_MODE", "FCSEARCH_DATA", "FCSEARCH_NATIVE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
)  # fmt: skip
_SET = {"TERM": "xterm", "LC_ALL": "C.UTF-8", "TZ": "UTC", "RAY_USAGE_STATS_ENABLED": "0", "ORT_DISABLE_TELEMETRY": "1"}
# Ray's agents take a moment to see that their raylet has ended.
_LEAVE_SECONDS = 20.0


@dataclass
class Surroundings:
    """The folders of a session.

    Attributes:
        folder: Holds the others, but for Ray's; removed at the end.
        home: The user's home folder.
        temporary: Where `tempfile` makes its files.
        ray: For sockets, whose paths have to be short.
        keep: Whether to leave `folder` for people to look at.
    """

    folder: Path
    home: Path
    temporary: Path
    ray: Path
    keep: bool = False


@contextmanager
def surroundings() -> Iterator[Surroundings]:
    """Set the environment for the time of the block."""
    kept = dict(os.environ)
    folder = Path(tempfile.mkdtemp(prefix="fcsearch-tests-"))
    found = Surroundings(folder, folder / "home", folder / "tmp", Path(tempfile.mkdtemp(prefix="fc", dir="/tmp")))
    found.home.mkdir()
    found.temporary.mkdir()
    for name in _UNSET:
        os.environ.pop(name, None)
    os.environ.update(_SET, HOME=str(found.home), TMPDIR=str(found.temporary), RAY_TMPDIR=str(found.ray))
    # Imported with the first optimizer of torch, it makes a folder at once.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(found.home / "torchinductor")
    os.environ[MARK] = uuid.uuid4().hex
    try:
        _take_effect()
        yield found
    finally:
        os.environ.clear()
        os.environ.update(kept)
        _take_effect()
        shutil.rmtree(found.ray, ignore_errors=True)
        if not found.keep:
            shutil.rmtree(folder, ignore_errors=True)


def _take_effect() -> None:
    """Make Python read what it has read before: the temporary folder and the time zone."""
    tempfile.tempdir = None
    time.tzset()


def left_behind(found: Surroundings) -> list[str]:
    """Files in the folders, and processes of the session, after those that end by themselves have had their time."""
    mark = os.environ[MARK]
    # A run in memory takes its folder with it, which may wait in a cycle of references.
    gc.collect()
    wait_until(lambda: not processes_with(MARK, mark), seconds=_LEAVE_SECONDS)
    return [
        *(str(path) for folder in (found.temporary, found.ray) for path in sorted(folder.iterdir())),
        *(f"process {number}: {command}" for number, command in processes_with(MARK, mark).items()),
    ]


def processes_with(name: str, value: str) -> dict[int, str]:
    """The processes that were started with this environment variable, and live: command by number.

    Only Linux tells, in /proc; elsewhere there are none.
    """
    found = {}
    for folder in Path("/proc").glob("[0-9]*") if sys.platform == "linux" else ():
        try:
            if f"{name}={value}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:
            # It has ended, or is another user's.
            continue
    return found


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Wait until the condition holds, and say whether it did in time."""
    deadline = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held
