"""Optuna's journal file, written a batch at a time.

The file is the one that Optuna's own JournalFileBackend writes, so `optuna-dashboard study.journal` reads it while the
search runs. Optuna's backend locks and fsyncs for every parameter and every reported value; a batch does both once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend, JournalFileSymlinkLock


class JournalFile(BaseJournalBackend):
    """The journal of a run, whose only writer is this process; other programs may still append notes to it.

    Args:
        path: The file; made if it is not there. A line that a crash left half written at its end is removed.
    """

    def __init__(self, path: Path) -> None:
        # The lock is a symlink to the journal: a relative one would dangle, and Optuna would spin on it.
        self._path = path.absolute()
        # A writer that was killed leaves its lock behind; the run's own lock says that no writer lives.
        Path(f"{self._path}.lock").unlink(missing_ok=True)
        self._path.touch()
        _remove_torn_line(self._path)
        self._lock = JournalFileSymlinkLock(str(self._path))
        # The next log to read from the file, and where it starts.
        self._read = 0
        self._offset = 0
        self._batch: list[dict[str, Any]] | None = None

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Keep what is appended in this block, and write it at its end, all of it or (on an error) none.

        Until then only this process sees it. The file stays locked, so that the logs get the numbers they were read by.
        """
        self._lock.acquire()
        try:
            self._batch = []
            yield
            self._append(self._batch)
        finally:
            self._batch = None
            self._lock.release()

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add logs to the batch, or to the file where there is none."""
        if self._batch is not None:
            self._batch.extend(logs)
            return
        self._lock.acquire()
        try:
            self._append(logs)
        finally:
            self._lock.release()

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """Yield the logs from this number (from 0) on, those of the batch last."""
        if log_number_from < self._read:
            self._read, self._offset = 0, 0
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read += 1
                self._offset += len(line)
                if self._read > log_number_from:
                    yield json.loads(line)
        yield from (self._batch or [])[max(0, log_number_from - self._read) :]

    def _append(self, logs: list[dict[str, Any]]) -> None:
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with self._path.open("ab") as file:
            file.write(lines.encode())
            file.flush()
            os.fsync(file.fileno())


def _remove_torn_line(path: Path) -> None:
    with path.open("rb+") as file:
        content = file.read()
        if content and not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)
