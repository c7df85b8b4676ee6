"""Folders that appear whole: made under a hidden name, and renamed when they are done."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fcsearch.whole_file import sync_folder

_UNFINISHED = re.compile(r".*\.(\d+)\.part")


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Make a folder, and the parents that it lacks; it is at `path` when the block has ended, and not before.

    If the block raises, nothing of it is left; OSError as `new_folder`. At the end the disk has it under its name.
    """
    made: list[Path] = []
    try:
        for folder in [parent for parent in reversed(path.parents) if not parent.exists()]:
            folder.mkdir()
            made.append(folder)
        unfinished = new_folder(path)
        made.append(unfinished)
        yield unfinished
        unfinished.rename(path)
    except BaseException:
        # The first folder made holds all the others.
        if made:
            shutil.rmtree(made[0], ignore_errors=True)
        raise
    for folder in [path.parent, *(folder.parent for folder in made[:-1])]:
        # The run is in place. A folder that may not be read cannot be flushed, and if its storage fails the run's own
        # files will tell.
        with contextlib.suppress(OSError):
            sync_folder(folder)


def new_folder(path: Path) -> Path:
    """Make a folder that the caller then renames to `path`; leftovers of killed processes are removed.

    Raises:
        OSError: the path is taken, or the file system refused.
    """
    if path.exists():
        raise FileExistsError(path)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        if (match := _UNFINISHED.fullmatch(left.name)) and not _is_another(int(match[1])):
            shutil.rmtree(left, ignore_errors=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    unfinished.mkdir()
    return unfinished


def _is_another(process: int) -> bool:
    """Whether a process of this number lives, and is not this one."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process != os.getpid()
