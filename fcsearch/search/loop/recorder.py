"""The ledger's thread: it runs the sampler and writes the files beside the loop, so that a worker waits for neither.

Packs are asked for ahead, while others train, and outcomes are recorded while the next pack already trains. The thread
does its work in the order in which it was given. With one worker that order, and so every suggestion, is the same in
every run of one seed: pack k+2 is asked for after pack k was told and before pack k+1 was.
"""

from __future__ import annotations

import contextvars
import functools
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.record.checkpoints import Checkpoints
from fcsearch.search.record.pack_record import PackRecord

Done = TypeVar("Done")


class Books(Protocol):
    """The part of a ledger that the loop needs."""

    def ask(self, count: int) -> list[PlannedTrial]:
        """Ask for new trials."""

    def record(self, pack: PackRecord) -> Collection[int]:
        """Record the outcome of a pack; returns the trials that are done now."""


class Recorder:
    """Asks the ledger for trials and gives it outcomes, in its own thread.

    Args:
        books: The ledger.
        checkpoints: The checkpoints of the packs; None: none are kept.
    """

    def __init__(self, books: Books, checkpoints: Checkpoints | None = None) -> None:
        self._books = books
        self._checkpoints = checkpoints
        # Of each pack how many trials its last checkpoint has, and when it is written.
        self._keeping: dict[int, tuple[int, Future[None]]] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        # It waits for storage as this thread does.
        self._context = contextvars.copy_context()
        self._error: BaseException | None = None
        self._asked: list[Future[list[PlannedTrial]]] = []
        self._recording: deque[Future[None]] = deque()

    def ask(self, count: int) -> Future[list[PlannedTrial]]:
        """Ask for new trials, after all that was given before."""
        future = self._submit(self._do, functools.partial(self._books.ask, count))
        self._asked = [*(asked for asked in self._asked if not asked.done()), future]
        return future

    def record(self, pack: PackRecord) -> None:
        """Record the outcome of a pack, after all earlier work; nothing if it has no trial."""
        self._keeping.pop(pack.pack_id, None)
        if pack.trials:
            self._recording.append(self._submit(self._do, functools.partial(self._record, pack)))

    def keep(self, pack_id: int, trials: Sequence[PlannedTrial], checkpoint: bytes, *, last: bool = False) -> None:
        """Keep a checkpoint of these trials of a pack; it replaces one of the same that still waits to be written.

        The last one of a pack, before whose rows it comes, waits for storage that refuses, as these do.
        """
        if self._checkpoints is None:
            return
        waiting = self._keeping.get(pack_id)
        if waiting is not None and waiting[0] == len(trials):
            waiting[1].cancel()
        write = functools.partial(self._checkpoints.write, patient=last)
        self._keeping[pack_id] = len(trials), self._submit(write, trials, checkpoint)

    def _record(self, pack: PackRecord) -> None:
        done = self._books.record(pack)
        if self._checkpoints is not None:
            # Only afterwards: a crash in between leaves a superfluous file, but no trial without one.
            self._checkpoints.release(done)

    def check(self) -> None:
        """Raise the error of a pack that could not be recorded, if there is one."""
        while self._recording and self._recording[0].done():
            self._recording.popleft().result()

    def shutdown(self) -> None:
        """Wait until all outcomes are recorded, and raise their first error; pending requests are dropped."""
        for future in self._asked:
            future.cancel()
        self._thread.shutdown(wait=True)
        for recording in self._recording:
            recording.result()

    def _submit(self, work: Callable[..., Done], *arguments: Any) -> Future[Done]:
        return self._thread.submit(self._context.run, work, *arguments)

    def _do(self, work: Callable[[], Done]) -> Done:
        """In the thread: do some work, unless earlier work, which it depends on, failed."""
        if self._error is not None:
            raise self._error
        try:
            return work()
        except BaseException as error:
            self._error = error
            raise
