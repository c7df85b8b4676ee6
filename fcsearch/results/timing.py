"""The working time of a run: the sum over its sessions, without the pauses between them."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from fcsearch.results.manifest import Manifest, SessionEntry

_PAUSE = timedelta(minutes=1)
_NEVER = datetime.max.replace(tzinfo=UTC)

# When a pack started to train, and when it ended.
Span = tuple[datetime, datetime]


class WorkClock:
    """Converts a moment to seconds of a run's working time.

    Where the run did not record its sessions, as earlier versions did not, a pause is a minute or more in which no pack
    was in training.

    Args:
        start: When the run was started.
        packs: When each of its packs trained, in any order.
        sessions: Its sessions, the first one first. One that was killed lasted until its last pack's end.
        running: Whether the last session still goes on, if it has no end.
    """

    def __init__(
        self, start: datetime, packs: Iterable[Span], sessions: Sequence[SessionEntry] = (), *, running: bool = False
    ) -> None:
        known = sorted(set(packs))
        recorded = _recorded(known, sessions, running=running)
        spans = [*_between_pauses(start, known, until=recorded[0][0] if recorded else _NEVER), *recorded]
        self._begins = [began for began, _ in spans]
        self._ends = [ended for _, ended in spans]
        lengths = [(ended - began).total_seconds() for began, ended in spans]
        self._before = [0.0, *itertools.accumulate(lengths)]

    def seconds(self, moment: datetime) -> float:
        """Seconds of work from the run's start to this moment."""
        place = bisect.bisect_right(self._begins, moment) - 1
        if place < 0:
            return 0.0
        return self._before[place] + (min(moment, self._ends[place]) - self._begins[place]).total_seconds()


def _recorded(packs: Sequence[Span], sessions: Sequence[SessionEntry], *, running: bool) -> list[Span]:
    """The sessions, each with an end."""
    found = []
    for session, later in itertools.zip_longest(sessions, sessions[1:]):
        until = later.started_at if later else _NEVER
        ends = [ended for began, ended in packs if session.started_at <= began < until]
        open_end = _NEVER if running and later is None else max(ends, default=session.started_at)
        found.append((session.started_at, min(until, session.finished_at or open_end)))
    return found


def _between_pauses(start: datetime, packs: Sequence[Span], *, until: datetime) -> Iterator[Span]:
    """The times without a pause, from the run's start to a moment."""
    now = start
    for began, ended in packs:
        if began >= until:
            break
        if began - now >= _PAUSE:
            yield start, now
            start = began
        now = max(now, ended)
    # After the last pack the rest of the search may go on, for less than a pause as far as is known.
    tail = now + _PAUSE
    yield start, until if until < tail else tail if until == _NEVER else now


def work_clock(manifest: Manifest, packs: Iterable[Span], *, running: bool = False) -> WorkClock | None:
    """The clock of a run; None if the run does not say when it was started. Arguments as `WorkClock`."""
    if manifest.created_at is None:
        return None
    return WorkClock(manifest.created_at, packs, manifest.sessions, running=running)


def session_count(manifest: Manifest, packs: Iterable[Span]) -> int:
    """How many sessions a run had, as far as is known."""
    recorded = manifest.sessions
    earlier = not recorded or any(began < recorded[0].started_at for began, _ in packs)
    return len(recorded) + earlier
