"""Optuna's journal file, written a batch at a time.

Optuna's own backend locks and fsyncs for every parameter and every reported value; a batch does both once. What is
written is the same, so `optuna-dashboard study.journal` reads it while the search runs.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock


class JournalFile(JournalFileBackend):
    """The journal of a run, whose only writer is this process; other programs may still append notes to it.

    Args:
        path: The file; made if it is not there. A line that a crash left half written at its end is removed.
    """

    def __init__(self, path: Path) -> None:
        # The lock is a symlink to the journal: a relative one would dangle, and Optuna would spin on it.
        path = path.absolute()
        # A writer that was killed leaves its lock behind; the run's own lock says that no writer lives.
        Path(f"{path}.lock").unlink(missing_ok=True)
        super().__init__(str(path), lock_obj=_ReentrantLock(str(path)))
        _remove_torn_line(path)
        self._batch: list[dict[str, Any]] | None = None

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Keep what is appended in this block, and write it at its end, all of it or (on an error) none.

        Until then only this process sees it. The file stays locked, so that the logs get the numbers they were read by.
        """
        self._lock.acquire()
        try:
            logs: list[dict[str, Any]] = []
            self._batch = logs
            yield
            self._batch = None
            self.append_logs(logs)
        finally:
            self._batch = None
            self._lock.release()

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add logs to the batch, or to the file where there is none."""
        if self._batch is not None:
            self._batch.extend(logs)
        elif logs:
            super().append_logs(logs)

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """Yield the logs from this number (from 0) on, those of the batch last."""
        # Optuna would read the whole file for a number that it has not seen there, as it has not seen the batch's.
        first = min(log_number_from, self._read)
        for number, log in enumerate(super().read_logs(first), first):
            if number >= log_number_from:
                yield log
        yield from (self._batch or [])[max(0, log_number_from - self._read) :]

    @property
    def _read(self) -> int:
        """How many logs of the file were read so far."""
        return len(self._log_number_offset) - 1


class _ReentrantLock(JournalFileSymlinkLock):
    """A lock that its holder may acquire again, as Optuna does for what is appended."""

    _depth = 0

    def acquire(self) -> bool:
        if self._depth == 0:
            super().acquire()
        self._depth += 1
        return True

    def release(self) -> None:
        self._depth = max(0, self._depth - 1)
        if self._depth == 0:
            super().release()


def _remove_torn_line(path: Path) -> None:
    with path.open("rb+") as file:
        content = file.read()
        if content and not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)
