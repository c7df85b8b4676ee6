"""Removing runs, and nothing else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from fcsearch.errors import RunError
from fcsearch.results import lock
from fcsearch.results.no_run import FOLDERS, LOCK, MANIFEST, no_run


def disk_bytes(path: Path) -> int:
    """What the files of a folder take, in bytes; those that cannot be looked at are left out."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += (Path(folder) / name).lstat().st_size
            except OSError:
                continue
    return total


def require_removable(path: Path) -> None:
    """Raise RunError unless the path is a run directory, damaged or not, that no process is writing."""
    if path.is_symlink():
        raise RunError(f"{path} must be a run directory; found a link to {path.resolve()}; name that")
    if not (path / MANIFEST).is_file() or not any((path / name).is_dir() for name in FOLDERS):
        raise no_run(path)
    if lock.is_held(path / LOCK):
        raise RunError(f"{path} must not be in progress; found a process that is writing it; end it with Ctrl-C first")


def remove_run(path: Path) -> None:
    """Remove a run directory with all that is in it.

    Raises:
        RunError: it is none, a process is writing it, or the file system refused.
    """
    require_removable(path)
    with lock.hold(path / LOCK):
        try:
            # The manifest last: a removal that is cut short leaves a run, which can be removed.
            for entry in path.iterdir():
                if entry.name not in (MANIFEST, LOCK, FOLDERS[0]):
                    _remove(entry)
            shutil.rmtree(path)
        except OSError as error:
            raise RunError(
                f"{error.filename or path} must be removable; found: {error.strerror or error}; permit it, and say the "
                "command again"
            ) from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
