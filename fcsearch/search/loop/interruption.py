"""Ctrl-C and SIGTERM: the first signal ends a search cleanly, the second at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM where the search is already ending: it ends at once, as by a second Ctrl-C."""


class Interruption:
    """Whether the user, or the system (`terminated`), wants the search to end, and whether at once."""

    def __init__(self) -> None:
        self.requested = False
        self.terminated = False

    def request(self) -> None:
        """End cleanly, as after the first Ctrl-C."""
        self.requested = True

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Take note of the first signal; end at once at the second."""
        if self.requested:
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
        self.requested = True
        self.terminated = number == signal.SIGTERM


@contextlib.contextmanager
def interruption() -> Iterator[Interruption]:
    """Handle SIGINT and SIGTERM in this block; outside the main thread, where Python delivers none, nothing is done."""
    found = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield found
        return
    kept = {number: signal.signal(number, found.handle) for number in _SIGNALS}
    try:
        yield found
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
