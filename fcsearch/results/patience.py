"""What a search does while its run directory cannot be written or read: it waits, says so, and tries again."""

from __future__ import annotations

import contextlib
import contextvars
import errno
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

# Failures that someone can end, and what to do about each: a full disk or quota; storage that is mounted read-only; an
# NFS folder that its server has moved or exported anew (ESTALE); a server that is away, where NFS is mounted `soft`
# (EIO, ETIMEDOUT) or a program serves the files (ENOTCONN). Where NFS is mounted `hard`, the system itself waits. A
# broken disk gives EIO, too: the wait has an end, and each attempt writes anew what the one before it may have lost.
_PASSING = {
    errno.ENOSPC: "free space there",
    errno.EDQUOT: "free space there",
    errno.EROFS: "make it writable",
    errno.ESTALE: "look after its server",
    errno.EIO: "look after its disk or server",
    errno.ETIMEDOUT: "look after its disk or server",
    errno.ENOTCONN: "look after its disk or server",
}
_MOST_SECONDS = 600.0
_AGAIN_SECONDS = 2.0
# How often it looks whether the user wants to end.
_LOOK_SECONDS = 0.1

Done = TypeVar("Done")


class Patience:
    """Waits for a folder's storage. Once that took too long, it refuses at once until something can be written.

    Args:
        folder: The folder.
        say: Told when the wait begins and when it ends, in the thread that waits.
        hurried: Whether to wait no longer.
        seconds: How long to wait at most.
    """

    def __init__(
        self,
        folder: Path,
        say: Callable[[str], None],
        hurried: Callable[[], bool],
        *,
        seconds: float = _MOST_SECONDS,
        again: float = _AGAIN_SECONDS,
    ) -> None:
        self._folder = folder
        self._say = say
        self._hurried = hurried
        self._seconds = seconds
        self._again = again
        self._given_up = False
        # Of each call that waits, which may be in several threads, what it waits for.
        self._waits: dict[object, str] = {}

    @property
    def waits_for(self) -> str | None:
        """What is waited for, in words; None: nothing is."""
        return next(iter([*self._waits.values()]), None)

    def do(self, work: Callable[[], Done], *, writes: bool = True) -> Done:
        """Do what uses the folder, again and again while the storage refuses; OSError if it does to the end.

        Args:
            work: What to do.
            writes: Whether its success shows that the folder can be written again.
        """
        call, began, since = object(), time.monotonic(), datetime.now(UTC)
        use = "written" if writes else "read"
        try:
            while True:
                try:
                    done = work()
                    break
                except FileNotFoundError:
                    # That it is not there is an answer, too.
                    self._end(call, began, use)
                    raise
                except OSError as error:
                    remedy = _PASSING.get(error.errno or 0)
                    if remedy is None or self._given_up or self._hurried() or not _needed.get()():
                        raise
                    if time.monotonic() > began + self._seconds:
                        self._given_up = True
                        raise
                    self._begin(call, error, remedy, since, use)
                self._pause()
            if writes:
                self._given_up = False
            self._end(call, began, use)
            return done
        finally:
            self._waits.pop(call, None)

    def _begin(self, call: object, error: OSError, remedy: str, since: datetime, use: str) -> None:
        free = self._free() if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        text = (
            f"since {since:%H:%M:%S} UTC {self._folder} cannot be {use} ({error.strerror}): {remedy}{free}; the "
            f"search waits up to {self._seconds / 60:.0f} min"
        )
        first = not self._waits
        self._waits[call] = text
        if first:
            self._say(text)

    def _end(self, call: object, began: float, use: str) -> None:
        if self._waits.pop(call, None) and not self._waits:
            waited = time.monotonic() - began
            self._say(f"{self._folder} can be {use} again after {waited:.0f} s: the search continues")

    def _free(self) -> str:
        with contextlib.suppress(OSError):
            return f" ({shutil.disk_usage(self._folder).free:,} bytes are free)"
        return ""

    def _pause(self) -> None:
        end = time.monotonic() + self._again
        while (left := end - time.monotonic()) > 0 and not self._hurried() and _needed.get()():
            time.sleep(min(left, _LOOK_SECONDS))


_patience: contextvars.ContextVar[Patience | None] = contextvars.ContextVar("patience", default=None)
_needed: contextvars.ContextVar[Callable[[], bool]] = contextvars.ContextVar("needed", default=lambda: True)


@contextlib.contextmanager
def patient(patience: Patience | None) -> Iterator[None]:
    """Within this context a run is written and read with patience; with None, what is refused is an error at once."""
    before = _patience.set(patience)
    try:
        yield
    finally:
        _patience.reset(before)


@contextlib.contextmanager
def while_needed(needed: Callable[[], bool]) -> Iterator[None]:
    """Within this context nothing is waited for that is not needed any more."""
    before = _needed.set(needed)
    try:
        yield
    finally:
        _needed.reset(before)


def patiently(work: Callable[[], Done], *, writes: bool = True) -> Done:
    """Write, or read, with the patience of the context; without one a refusal is an error at once."""
    patience = _patience.get()
    return work() if patience is None else patience.do(work, writes=writes)


def storage_wait() -> str | None:
    """What storage the search waits for, in words; None: it waits for none."""
    patience = _patience.get()
    return None if patience is None else patience.waits_for
