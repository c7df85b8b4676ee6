"""The working time of a run: the time since its start, without pauses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

_PAUSE_SECONDS = 60.0

# When a pack started to train, and when it ended.
Span = tuple[datetime, datetime]


class WorkClock:
    """Converts a moment to seconds of a run's working time.

    A pause is a minute or more in which no pack was in training: the run was interrupted, and resumed later.

    Args:
        start: When the run was started.
        packs: When each of its packs trained, in any order.
    """

    def __init__(self, start: datetime, packs: Iterable[Span]) -> None:
        self._start = start
        self._packs = sorted(set(packs))

    def seconds(self, moment: datetime) -> float:
        """Seconds of work from the run's start to this moment."""
        now, paused = self._start, 0.0
        for began, ended in [*(span for span in self._packs if span[0] < moment), (moment, moment)]:
            idle = (began - now).total_seconds()
            paused += idle if idle >= _PAUSE_SECONDS else 0.0
            now = max(now, ended)
        return max(0.0, (moment - self._start).total_seconds() - paused)
