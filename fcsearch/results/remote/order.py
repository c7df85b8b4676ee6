"""Which files of a run are uploaded, and in what order: whatever part has arrived is a run that can be resumed.

A trial's row arrives after its configuration (in the journal), its epochs and its weights. So whichever file arrives
last, a trial either has all of these, or is still to be trained. run.json comes after them: a folder with run.json is a
run. A file that is gone here is removed there only after its replacements have arrived.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path, PurePosixPath

from fcsearch.results.no_run import MANIFEST
from fcsearch.results.parts import UNFINISHED_PARTS

JOURNAL = "study.journal"
MODELS = "models"
_ROWS = ("trials", "confirmations")
# Large, and of use to the search alone.
_LAST = "checkpoints"

# By which a file's versions are told apart: its size in bytes, and when it was written.
State = tuple[int, int]


def is_hidden(name: str) -> bool:
    """Whether a file is not part of the run: hidden, or a lock."""
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") for part in parts) or name.endswith(".lock")


def has_rows(name: str) -> bool:
    """Whether a file has rows of trials, which must not arrive before what they need."""
    return PurePosixPath(name).parts[0] in _ROWS


def place_in_order(name: str) -> tuple[int, bool, str]:
    """The sort key for uploads and downloads.

    In a folder the parts of unfinished trials come first: a trial is taken out of them before it has another row.
    """
    later = not PurePosixPath(name).name.startswith(UNFINISHED_PARTS)
    if name == JOURNAL:
        return 1, later, name
    if has_rows(name):
        return 2, later, name
    if name == MANIFEST:
        return 3, later, name
    return 4 if PurePosixPath(name).parts[0] == _LAST else 0, later, name


def removal_order(name: str) -> tuple[bool, str]:
    """The sort key for removals: rows go before what they need."""
    return not has_rows(name), name


def state_of(found: os.stat_result) -> State:
    """The state of a file, from its stat."""
    return found.st_size, found.st_mtime_ns


def local_files(run: Path) -> dict[str, State]:
    """The files of a run directory that are uploaded.

    Rows are listed first: what they need was written before them, so it is found, too. A folder may go meanwhile;
    OSError where one cannot be listed, or the run itself is gone: its files are not to be taken for removed.
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
