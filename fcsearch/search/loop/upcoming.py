"""The next pack to hand out, with the checkpoint that it goes on from."""

from __future__ import annotations

import contextvars
import threading
from concurrent.futures import Future

from fcsearch.results.patience import while_needed
from fcsearch.search.loop.scheduler import Scheduler, Trials, arrives
from fcsearch.search.record.checkpoints import Checkpoints


class Upcoming:
    """Takes packs from a scheduler, and reads their checkpoints in another thread.

    Reading waits for storage that refuses; the loop goes on meanwhile, and records what other packs end with.

    Args:
        scheduler: Decides what to train.
        checkpoints: The checkpoints of the packs; None: none are kept.
    """

    def __init__(self, scheduler: Scheduler, checkpoints: Checkpoints | None) -> None:
        self._scheduler = scheduler
        self._checkpoints = checkpoints
        self._next: tuple[Trials, Future[bytes | None]] | None = None
        self._open = True

    @property
    def finished(self) -> bool:
        """Whether nothing waits, and nothing more will be asked for."""
        return self._next is None and self._scheduler.finished

    def close(self) -> None:
        """Nothing more is handed out: end the wait for a checkpoint."""
        self._open = False

    def next(self, *, free: int, workers: int) -> tuple[Trials, bytes | None] | None:
        """The next pack, as `Scheduler.next` gives it, with its checkpoint, if it has one.

        Raises:
            RunError: the file system does not let the checkpoint be read.
        """
        if self._next is None:
            trials = self._scheduler.next(free=free, workers=workers)
            if trials is None:
                return None
            self._next = trials, self._reading(trials)
        trials, reading = self._next
        if not arrives(reading):
            return None
        self._next = None
        return trials, reading.result()

    def _reading(self, trials: Trials) -> Future[bytes | None]:
        result: Future[bytes | None] = Future()
        if self._checkpoints is None or not self._checkpoints.keeps(trials):
            result.set_result(None)
            return result
        # It waits for storage as this thread does; a process that ends does not wait for it.
        context = contextvars.copy_context()
        work = (self._read, self._checkpoints, trials, result)
        threading.Thread(target=context.run, args=work, name="checkpoint", daemon=True).start()
        return result

    def _read(self, checkpoints: Checkpoints, trials: Trials, result: Future[bytes | None]) -> None:
        try:
            with while_needed(lambda: self._open):
                result.set_result(checkpoints.content(trials))
        except BaseException as error:  # noqa: BLE001 (the loop raises it)
            result.set_exception(error)
