"""Files that are either whole or absent: written to a temporary file, flushed to disk, then renamed into place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def whole_file(path: Path, *, aside: Path | None = None, durable: bool = True) -> Iterator[IO[bytes]]:
    """Open a binary file to write; at the block's end it takes its place, on the disk, unless the block raised.

    A reader sees all of the file or none of it, after a crash too.

    Args:
        path: Where the file goes; what is there is replaced. Its folder must exist.
        aside: Folder for the unfinished file, on the same file system; made if missing. None: a hidden file beside it.
        durable: Whether to wait until the disk has it. If not, it may be gone after a crash of the machine.

    Raises:
        OSError: the file system refused; what was there before is there still.
    """
    # The process in the name keeps two writers of one file apart.
    if aside is None:
        unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    else:
        aside.mkdir(exist_ok=True)
        unfinished = aside / f"{path.name}.{os.getpid()}"
    try:
        with unfinished.open("wb") as stream:
            yield stream
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder: a file that was made or renamed is there only then."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
