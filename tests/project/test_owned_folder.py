"""Temporary folders that do not outlive their process."""

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fcsearch.owned_folder import remove


@contextlib.contextmanager
def writing(touch: Callable[[str], None], *, seconds: float) -> Iterator[None]:
    """Another writer, which goes on for so long, or to the end of the block."""
    wrote, over = threading.Event(), threading.Event()

    def write() -> None:
        end = time.monotonic() + seconds
        for number in itertools.count():
            if over.is_set() or time.monotonic() > end:
                break
            with contextlib.suppress(FileNotFoundError):
                touch(str(number))
            wrote.set()

    writer = threading.Thread(target=write)
    writer.start()
    wrote.wait()
    try:
        yield
    finally:
        over.set()
        writer.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "owned"
    made.mkdir()
    return made


def test_a_folder_is_removed_although_something_goes_on_to_write_there(folder: Path) -> None:
    with writing(lambda name: (folder / name).touch(), seconds=60):
        remove(folder)
        assert list(folder.parent.iterdir()) == []


def test_a_folder_is_removed_although_what_has_it_open_writes_a_moment_longer(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        with writing(lambda name: os.close(os.open(name, os.O_CREAT, dir_fd=opened)), seconds=0.1):
            remove(folder)
            assert list(folder.parent.iterdir()) == []
    finally:
        os.close(opened)
