"""Temporary folders that do not outlive their process: where it is killed, the next one removes what it has left."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = "search.lock"
# Ends the name of a folder while it is removed.
_REMOVED = ".removed-by-fcsearch"
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
    """Remove the folders there whose owner has died, or was killed as it removed them.

    Another one without a lock is not ours, or too young.
    """
    for folder in place.glob(pattern):
        # Those of other users are left to them.
        half_removed = folder.suffix == _REMOVED and folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
        if (half_removed or _is_free(folder / _LOCK)) and not folder.is_symlink():
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
    # A removal that is cut short may have removed the lock. And what the owner started may outlive it: by this name it
    # does not find the folder, and writes there for a moment at most.
    aside = folder if folder.suffix == _REMOVED else folder.with_name(f"{folder.name}{_REMOVED}")
    try:
        folder.rename(aside)
    except OSError:
        aside = folder
    for pause in _PAUSES:
        shutil.rmtree(aside, ignore_errors=True)
        if not aside.exists():
            return
        time.sleep(pause)
