"""Temporary folders that do not outlive their process."""

import contextlib
import itertools
import threading
import time
from pathlib import Path

from fcsearch.owned_folder import remove


def test_a_folder_is_removed_although_something_writes_there_a_moment_longer(tmp_path: Path) -> None:
    folder = tmp_path / "owned"
    folder.mkdir()
    wrote = threading.Event()

    def write() -> None:
        end = time.monotonic() + 0.1
        for number in itertools.count():
            if time.monotonic() > end:
                break
            with contextlib.suppress(FileNotFoundError):
                (folder / str(number)).touch()
            wrote.set()

    writer = threading.Thread(target=write)
    writer.start()
    wrote.wait()
    remove(folder)
    writer.join()
    assert not folder.exists()
