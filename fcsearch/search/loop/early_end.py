"""When a stage of a search ends before all is done: as the user, the system or the time budget wants it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from fcsearch.search.loop.interruption import Interruption

Closing = Literal["time_budget", "interrupt", "terminate"]

# After a signal packs have so long for the epoch that they are in, before they are to leave it in the middle, to be
# trained again if the search continues. What they send then takes seconds, if it is large.
_EPOCH_SECONDS = 6.0
# At the end of a time budget it is less: this, and a share of the time that was trained before.
_LATE_SECONDS, _LATE_SHARE = 0.1, 0.02
# What has not ended after this long (on a GPU, or with Ray, no epoch is left in the middle) is abandoned.
_ABANDONED_SECONDS = 10.0


class EarlyEnd:
    """Decides when no more is handed out, and how long packs in training may take to end.

    Args:
        stop: Whether the user wants the search to end.
        deadline: When the time budget is used up, by the engine's clock; None: there is none.
        grace: Seconds after the deadline in which some pack may still train a first epoch, if none has: a search that
            is continued again and again, with less time than it takes to start, comes to its end.
        prolong: Asked once, when the deadline has passed: a later one, if there may be one.

    Attributes:
        closing: What ends it early, if anything does.
        deadline: As it is now.
    """

    def __init__(
        self,
        stop: Interruption,
        deadline: float | None = None,
        *,
        grace: float = 0.0,
        prolong: Callable[[], float | None] = lambda: None,
    ) -> None:
        self.closing: Closing | None = None
        self.deadline = deadline
        self._stop = stop
        self._grace = grace
        self._prolong = prolong
        self._progressed = False
        self._began: float | None = None
        self._closed_at: float | None = None

    def look(self, now: float) -> None:
        """Decide whether it is time, by the engine's clock."""
        if self._began is None:
            self._began = now
        # A signal may also come after the time budget has ended it.
        if not self.note_interruption() and self._closed_at is None and self._late(now):
            self.closing = "time_budget"
        if self.closing is not None and self._closed_at is None:
            self._closed_at = now

    def note_interruption(self) -> bool:
        """Take note that the user, or the system, ends it, if so; whether it is."""
        if self._stop.requested:
            self.closing = "terminate" if self._stop.terminated else "interrupt"
        return self._stop.requested

    def progressed(self) -> None:
        """Take note that some pack has trained an epoch."""
        self._progressed = True

    def leaves_epochs(self, now: float) -> bool:
        """Whether packs are to leave the epochs that they are in."""
        if self._closed_at is None or self._began is None:
            return False
        late = _LATE_SECONDS + _LATE_SHARE * (self._closed_at - self._began)
        most = min(late, _EPOCH_SECONDS) if self.closing == "time_budget" else _EPOCH_SECONDS
        return now > self._closed_at + most

    def abandons(self, now: float) -> bool:
        """Whether what still trains is waited for no longer."""
        return self._closed_at is not None and now > self._closed_at + _ABANDONED_SECONDS

    def _late(self, now: float) -> bool:
        grace = 0.0 if self._progressed else self._grace
        if self.deadline is None or now <= self.deadline + grace:
            return False
        later, self._prolong = self._prolong(), lambda: None
        if later is None:
            return True
        self.deadline = later
        return now > later + grace
