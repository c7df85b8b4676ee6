"""Temporary folders that do not outlive their process: where it is killed, the next one removes what it has left."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = "search.lock"
# Seconds after each attempt to remove a folder.
_PAUSES = (0.0, 0.05, 0.2, 0.5, 0.0)


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Own a folder, which is there and new, for the time of the block; it is removed at the end."""
    new = folder / f"{_LOCK}.new"
    try:
        with new.open("w") as stream:
            # The system lets go of it when this process dies. It has its name only once it is held.
            with contextlib.suppress(OSError):  # where files cannot be locked
                fcntl.flock(stream, fcntl.LOCK_EX)
                new.rename(folder / _LOCK)
            yield
    finally:
        remove(folder)


def remove_ownerless(place: Path, pattern: str) -> None:
    """Remove the folders there whose owner has died; one without a lock is not ours, or too young."""
    for folder in place.glob(pattern):
        if _is_free(folder / _LOCK) and not folder.is_symlink():
            remove(folder)


def _is_free(path: Path) -> bool:
    try:
        with path.open() as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, as far as that is possible."""
    # What the owner started may outlive it by a moment, and may write while the first attempts remove.
    for pause in _PAUSES:
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(pause)
