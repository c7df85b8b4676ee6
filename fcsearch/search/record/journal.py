"""Optuna's journal file, written a batch at a time.

Optuna's own backend locks and fsyncs for every parameter and every reported value; a batch does both once. What is
written is the same, so `optuna-dashboard study.journal` reads it while the search runs.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Container, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, TrialState

from fcsearch.errors import RunError
from fcsearch.results.files import RESTORE
from fcsearch.results.patience import patiently
from fcsearch.results.study import journal_storage
from fcsearch.whole_file import sync_folder


def open_storage(journal: JournalFile) -> SearchStorage:
    """Optuna's storage in a journal.

    Raises:
        RunError: its lines are JSON, and not Optuna's.
    """
    return journal_storage(journal, journal.path, remedy=RESTORE, kind=SearchStorage)


class SearchStorage(JournalStorage):
    """Optuna's storage, which knows while trials are asked for that none waits.

    Optuna looks for one that waits before each, through all trials of the study.
    """

    _none_waits = False

    @contextmanager
    def asking(self, study_id: int) -> Iterator[None]:
        """Within this block nobody else writes to the journal."""
        self._none_waits = not self.get_all_trials(study_id, deepcopy=False, states=(TrialState.WAITING,))
        try:
            yield
        finally:
            self._none_waits = False

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """As Optuna's; one from a template may wait."""
        self._none_waits = self._none_waits and template_trial is None
        return super().create_new_trial(study_id, template_trial)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """As Optuna's."""
        if self._none_waits and states == (TrialState.WAITING,):
            return []
        return super().get_all_trials(study_id, deepcopy, states)


class JournalFile(JournalFileBackend):
    """The journal of a run, whose only writer is this process; other programs may still append notes to it.

    Args:
        path: The file; made if it is not there. Lines that a crash left half written at its end are removed.

    Attributes:
        path: The file, by its absolute path.

    Raises:
        RunError: it cannot be read or written; reading and writing raise it too, as where a line is damaged.
    """

    def __init__(self, path: Path) -> None:
        # The lock is a symlink to the journal: a relative one would dangle, and Optuna would spin on it.
        path = path.absolute()
        self.path = path
        try:
            # A writer that was killed leaves its lock behind; the run's own lock says that no writer lives.
            Path(f"{path}.lock").unlink(missing_ok=True)
            is_new = not path.exists()
            super().__init__(str(path), lock_obj=_ReentrantLock(str(path)))
            if is_new:
                sync_folder(path.parent)
            _remove_torn_lines(path)
        except OSError as error:
            raise _unwritable(path, error) from error
        self._batch: list[dict[str, Any]] | None = None
        # Whether the file was read since the batch began: nobody else writes while it is locked.
        self._up_to_date = False

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Keep what is appended in this block, and write it at its end, all of it or (on an error) none.

        Until then only this process sees it. The file stays locked, so that the logs get the numbers they were read by.
        """
        self._lock.acquire()
        try:
            logs: list[dict[str, Any]] = []
            self._batch, self._up_to_date = logs, False
            yield
            self._batch = None
            if logs:
                self._append(logs)
        finally:
            self._batch = None
            self._lock.release()

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add logs to the batch; where there is none they are one."""
        if self._batch is not None:
            self._batch.extend(logs)
        else:
            with self.batch():
                self.append_logs(logs)

    def _append(self, logs: Sequence[dict[str, Any]]) -> None:
        """Write logs after those that were read, under the lock."""
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        try:
            patiently(lambda: self._write(text))
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def _write(self, text: bytes) -> None:
        """Write text where the logs that were read end, whatever an earlier attempt has left there."""
        # Where the journal does not change for 30 s, other programs take its lock for a dead one's.
        os.utime(self.path)
        if not self._up_to_date:
            list(self.read_logs(self._read))
        end = self._log_number_offset[self._read]
        with self.path.open("rb") as file:
            file.seek(end)
            found = file.read()
        if b"\n" in found and not text.startswith(found):
            raise RunError(
                f"other programs must wait for {self.path}.lock before they write to the journal; found that one "
                "has written while this process held it"
            )
        if found:
            # What comes after half a line, of this process or another, would be part of it.
            os.truncate(self.path, end)
        try:
            with self.path.open("ab") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.truncate(self.path, end)
            raise

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """Yield the logs from this number (from 0) on, those of the batch last."""
        if self._batch is None or not self._up_to_date or log_number_from < self._read:
            yield from self._read_file(log_number_from)
            self._up_to_date = True
        yield from (self._batch or [])[max(0, log_number_from - self._read) :]

    def _read_file(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        # Optuna would read the whole file for a number that it has not seen there, as it has not seen the batch's.
        first = min(log_number_from, self._read)
        if first not in self._log_number_offset:
            self._log_number_offset = {0: 0}
        read = super().read_logs
        try:
            logs = patiently(lambda: list(enumerate(read(first), first)), writes=False)
        except OSError as error:
            raise RunError(f"{self.path} must be readable; found: {error.strerror or error}; permit it") from error
        except ValueError as error:
            raise RunError(
                f"{self.path} must hold a JSON object in each line; found something else in line {self._read + 1}; "
                f"{RESTORE}"
            ) from error
        # Optuna keeps the place of every log, which is a third of what a trial takes; it asks for the next one alone.
        self._log_number_offset = {self._read: self._log_number_offset[self._read]}
        yield from (log for number, log in logs if number >= log_number_from)

    @property
    def _read(self) -> int:
        """How many logs of the file were read so far."""
        return max(self._log_number_offset)


class _ReentrantLock(JournalFileSymlinkLock):
    """A lock that its holder may acquire again, as Optuna does for what is appended."""

    _depth = 0

    def acquire(self) -> bool:
        if self._depth == 0:
            try:
                patiently(super().acquire)
            except OSError as error:
                raise _unwritable(Path(self._lock_target_file), error) from error
        self._depth += 1
        return True

    def release(self) -> None:
        self._depth = max(0, self._depth - 1)
        if self._depth == 0:
            # It is gone already where another program took it for a dead one's, or where nothing can be removed.
            with contextlib.suppress(RuntimeError):
                super().release()


def _unwritable(path: Path, error: OSError) -> RunError:
    return RunError(f"{path} must be writable; found: {error.strerror or error}; free space or permit it")


def _remove_torn_lines(path: Path) -> None:
    """Remove what follows the last line that is whole: half a line, or the NULs of a file system that lost it."""
    with path.open("rb+") as file:
        content = file.read()
        end = content.rfind(b"\n") + 1
        while end and not _is_whole(content[content.rfind(b"\n", 0, end - 1) + 1 : end]):
            end = content.rfind(b"\n", 0, end - 1) + 1
        if end < len(content):
            file.truncate(end)


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
