"""The working time of a run: the sum over its sessions, without the pauses between them."""

from __future__ import annotations

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
    was in training. The clock of a machine that resumed the run may be behind: sessions count in their order, and none
    counts negative.

    Args:
        start: When the run was started.
        packs: When each of its packs trained, in the order of their trials.
        sessions: Its sessions, the first one first. One that was killed lasted until its last pack's end.
        running: Whether the last session still goes on, if it has no end.
    """

    def __init__(
        self, start: datetime, packs: Iterable[Span], sessions: Sequence[SessionEntry] = (), *, running: bool = False
    ) -> None:
        earlier, *found = _by_session(packs, sessions)
        recorded = _recorded(found, sessions, running=running)
        unrecorded = [*_between_pauses(start, sorted(earlier), until=recorded[0][0] if recorded else _NEVER)]
        self._spans = [*unrecorded, *recorded]
        lengths = [(ended - began).total_seconds() for began, ended in self._spans]
        self._before = [0.0, *itertools.accumulate(lengths)]
        # Where the sessions' clocks disagree, a moment alone does not tell in which session it was.
        self._places = {
            moment: place for place, packs in enumerate(found, len(unrecorded)) for pack in packs for moment in pack
        }

    def seconds(self, moment: datetime) -> float:
        """Seconds of work from the run's start to this moment."""
        place = self._places[moment] if moment in self._places else _place(moment, self._spans)
        if place is None:
            return 0.0
        began, ended = self._spans[place]
        return self._before[place] + (min(max(began, moment), ended) - began).total_seconds()


def _windows(sessions: Sequence[SessionEntry]) -> list[Span]:
    """When each session was at work, at most: a session that was killed, until the next one began."""
    found = []
    for session, later in itertools.zip_longest(sessions, sessions[1:]):
        until = later.started_at if later and later.started_at > session.started_at else _NEVER
        found.append((session.started_at, max(session.started_at, min(until, session.finished_at or _NEVER))))
    return found


def _place(moment: datetime, spans: Sequence[Span]) -> int | None:
    """The last span that contains a moment, else the last one that had begun; None: none had."""
    begun = [place for place, (began, _) in enumerate(spans) if began <= moment]
    return next((place for place in reversed(begun) if moment <= spans[place][1]), begun[-1] if begun else None)


def _by_session(packs: Iterable[Span], sessions: Sequence[SessionEntry]) -> list[list[Span]]:
    """The packs from before sessions were recorded, then those of each session.

    Of the sessions in which a pack may have begun, it was in the first one from that of the pack before it on. A
    worker's clock may be behind: what ended less than a minute before the first session began was part of it.
    """
    windows = _windows(sessions)
    found: list[list[Span]] = [[] for _ in range(len(sessions) + 1)]
    latest = 0
    for began, ended in dict.fromkeys(packs):
        fitting = [place for place, (start, end) in enumerate(windows) if start <= began < end]
        place = next((place for place in fitting if place >= latest), _place(began, windows))
        if place is not None:
            latest = max(latest, place)
            found[place + 1].append((began, ended))
        elif windows and ended > windows[0][0] - _PAUSE:
            found[1].append((began, ended))
        else:
            found[0].append((began, ended))
    return found


def _recorded(packs: Sequence[Sequence[Span]], sessions: Sequence[SessionEntry], *, running: bool) -> list[Span]:
    """The sessions, each with an end."""
    found = []
    for number, (began, end) in enumerate(_windows(sessions), start=1):
        if sessions[number - 1].finished_at is None and not (running and number == len(sessions)):
            end = min(end, max((ended for _, ended in packs[number - 1]), default=began))
        found.append((began, max(began, end)))
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
    """How many sessions a run had, as far as is known. `packs` as for `WorkClock`."""
    earlier, *recorded = _by_session(packs, manifest.sessions)
    return len(recorded) + bool(earlier or not recorded)
