"""Which files of a run travel, and in what order: so that whatever part has arrived is a run that one can go on with.

A trial's configuration is in the journal, its epochs in their table and its weights in their file before its row
arrives: whichever file is the last to arrive, a trial either has all of these, or it waits. run.json comes after them,
so that a folder with run.json is a run. What is gone here is removed there only after all that takes its place arrived.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path, PurePosixPath

from fcsearch.results.no_run import MANIFEST

JOURNAL = "study.journal"
MODELS = "models"
_ROWS = ("trials", "confirmations")
# Of no use to anybody but the search itself, and large.
_LAST = "checkpoints"

# By what a file here is told from what it was: its bytes, and when it was written.
State = tuple[int, int]


def is_hidden(name: str) -> bool:
    """Whether a file is no part of the run: hidden, or a lock."""
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") for part in parts) or name.endswith(".lock")


def has_rows(name: str) -> bool:
    """Whether a file has rows of trials, which must not arrive before what they need."""
    return PurePosixPath(name).parts[0] in _ROWS


def place_in_order(name: str) -> tuple[int, str]:
    """What files are sorted by before they travel."""
    if name == JOURNAL:
        return 1, name
    if has_rows(name):
        return 2, name
    if name == MANIFEST:
        return 3, name
    return (4, name) if PurePosixPath(name).parts[0] == _LAST else (0, name)


def removal_order(name: str) -> tuple[bool, str]:
    """What files are sorted by before they are removed: a row goes before what it needs."""
    return not has_rows(name), name


def state_of(found: os.stat_result) -> State:
    """The state of a file that has this stat."""
    return found.st_size, found.st_mtime_ns


def local_files(run: Path) -> dict[str, State]:
    """The files of a run directory that travel.

    Rows are looked for first: what they need was there before them, and so is found with them. A folder may go
    meanwhile; OSError where one cannot be listed, or the run itself is gone: its files are not to be taken for removed.
    """

    def check(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError) or not run.is_dir():
            raise error

    found: dict[str, State] = {}
    for folder in (*(run / name for name in _ROWS), run):
        for parent, _, names in os.walk(folder, onerror=check):
            for path in (Path(parent, name) for name in names):
                name = path.relative_to(run).as_posix()
                if is_hidden(name) or (has_rows(name) and folder == run):
                    continue
                with contextlib.suppress(FileNotFoundError):
                    state = path.lstat()
                    if stat.S_ISREG(state.st_mode):
                        found[name] = state_of(state)
    return found
