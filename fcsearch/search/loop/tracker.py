"""Keeps count of a search, and shows its progress."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from fcsearch.report.words import about, duration, plural
from fcsearch.results import PackStatus, Status, TrialRecord
from fcsearch.results.patience import storage_wait
from fcsearch.search.loop.standings import Standings
from fcsearch.search.loop.view import View
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.interface import CutShort, Notice, PackFailed
from fcsearch.search.pool.messages import PackOutcome, PackTask, Place, Progress, Reached

logger = logging.getLogger(__name__)

_VIEW_SECONDS = 0.2
# An epoch that takes longer than this is worth a notice.
_SILENCE_SECONDS = 10.0
_COURSE_SECONDS = 1.0


@dataclasses.dataclass
class _Going:
    """A pack that a worker has: its last report, and the time of it."""

    trials: Sequence[PlannedTrial]
    heard: float
    said: Progress | None = None


class Tracker:
    """Follows every event of a search.

    Args:
        view: Shows it.
        total: Trials of the run.
        before: States of the trials that were done before.
        standings: The best of the run.
        deadline: When the time budget is used up, by the clock.
        gpus: Whether workers were given GPUs.
        what: What is counted.
        then: What comes after it, if anything does.
        then_share: About how long that takes, as a share of this.
        clock: Seconds; simulated pools bring their own.
    """

    def __init__(
        self,
        view: View,
        *,
        total: int,
        before: Iterable[str],
        standings: Standings,
        deadline: float | None,
        gpus: bool,
        what: str = "trials",
        then: str | None = None,
        then_share: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._view = view
        self._total = total
        self._what = what
        self._then = then
        self._then_share = then_share
        self.counts = Counter(before)
        self._before = self.counts.total()
        self._standings = standings
        self.deadline = deadline
        self._gpus = gpus
        self._clock = clock
        self._without_gpu: set[str] = set()
        self._packs: dict[int, _Going] = {}
        self._workers = 0
        self._began = clock()
        self._shown: float | None = None
        # When, by the clock, a first epoch had been trained; None before that.
        self.trained_at: float | None = None
        # How much was done, by the seconds since the start; about one entry a second.
        self._course: list[tuple[float, float]] = [(0.0, 0.0)]

    def handed_out(self, task: PackTask, *, workers: int) -> None:
        """A worker, of so many, is given a pack."""
        self._packs[task.pack_id] = _Going(task.trials, self._clock())
        self._workers = workers

    def progressed(self, progress: Progress) -> None:
        """A pack reports how it goes."""
        going = self._packs.setdefault(progress.pack_id, _Going((), self._clock()))
        if going.said is None:
            logger.info("pack %d trains on %s, %s", progress.pack_id, progress.place.node, progress.place.device)
        going.said, going.heard = progress, self._clock()
        self._note_training(progress.place, progress.trained_at)

    def ended(self, outcome: PackOutcome, trials: Sequence[TrialRecord]) -> None:
        """A pack came to an end, with the trials that did."""
        self._packs.pop(outcome.pack_id, None)
        place = outcome.place
        if outcome.trained_at is not None:
            self._note_training(place, outcome.trained_at)
        self._count(trials)
        if self._gpus and place.device == "cpu" and place.node not in self._without_gpu:
            self._without_gpu.add(place.node)
            self._view.notice(f"torch cannot use a GPU on {place.node}: packs train on the CPU there (see log.txt)")

    def failed(self, failure: PackFailed, trials: Sequence[TrialRecord]) -> None:
        """A pack could not be trained, with the trials that are given up."""
        self._packs.pop(failure.pack_id, None)
        self._count(trials)
        if isinstance(failure, CutShort):
            return
        then = "its trial is given up" if trials else "its trials are tried again"
        self._view.notice(f"pack {failure.pack_id} failed, {then}: {failure.cause}")

    def noticed(self, notice: Notice) -> None:
        """Something happened to the pool."""
        logger.warning("%s", notice.text)
        self._view.notice(notice.text)

    def reached(self) -> list[tuple[PlannedTrial, Reached]]:
        """What the trials of the packs in training have reached, by the last report of each pack."""
        reports = [(going.trials, going.said.reached) for going in self._packs.values() if going.said]
        reached = {found.trial_id: found for _, report in reports for found in report}
        planned = (trial for trials, _ in reports for trial in trials)
        return [(trial, reached[trial.trial_id]) for trial in planned if trial.trial_id in reached]

    def show(self, closing: str | None, *, choosing: bool = False) -> None:
        """Let the view show where the search stands, a few times a second.

        Args:
            closing: Why no new pack starts, if so.
            choosing: Whether all waits for the sampler from now on.
        """
        now = self._clock()
        if choosing or self._shown is None or now > self._shown + _VIEW_SECONDS:
            self._shown = now
            self._view.update(self.status(closing, choosing=choosing))

    def status(self, closing: str | None, *, choosing: bool = False) -> Status:
        """Where the search stands; the arguments are those of `show`."""
        packs = tuple(self._pack(number, going) for number, going in self._packs.items())
        trained = sum(pack.trained for pack in packs)
        seconds, left = self._clock() - self._began, self._seconds_left(trained)
        ended = self.counts.total() > self._before
        return Status(
            total=self._total,
            counts=dict(self.counts),
            packs=packs,
            best=self._standings.leaders,
            seconds=seconds,
            seconds_left=left,
            closing=closing,
            what=self._what,
            # What is done of packs in training is no trial yet.
            per_minute=60 * self._done(trained) / seconds if ended and seconds else None,
            course=self._standings.course,
            waiting=None if closing else self._waiting(packs, choosing=choosing),
            then=self._then and self._then + self._time_of_it(seconds, left),
        )

    def _pack(self, number: int, going: _Going) -> PackStatus:
        said, silent, trials = going.said, self._clock() - going.heard, len(going.trials)
        if said is None:
            return PackStatus(number, trials, trials, 0, 0, None, None, silent)
        place = said.place
        return PackStatus(number, trials, said.alive, said.epoch, said.epochs, place.node, place.device, silent)

    def _waiting(self, packs: Sequence[PackStatus], *, choosing: bool) -> str | None:
        """Why nothing happens, or less than possible."""
        if (storage := storage_wait()) is not None:
            return storage
        if self.counts.total() >= self._total:
            return None
        if choosing:
            return f"the sampler chooses the next {self._what}"
        if not packs:
            return "no pack is in training yet"
        silent = min(pack.silent_seconds for pack in packs)
        if silent > _SILENCE_SECONDS and not any(pack.epoch for pack in packs):
            return f"workers start, or train their first epoch: nothing heard for {duration(silent)}"
        if silent > _SILENCE_SECONDS:
            return f"no epoch has ended for {duration(silent)}"
        idle = self._workers - len(packs)
        in_training = sum(pack.trials for pack in packs)
        if idle > 0 and self.counts.total() + in_training >= self._total:
            return f"{plural(idle, 'worker')} idle: the last {self._what} are in training"
        return None

    def _note_training(self, place: Place, when: datetime | None) -> None:
        """A first epoch had been trained, at the latest now; it may be heard of much later than it was trained."""
        # The clock of another machine may be minutes late or early: what was trained there counts when it is heard of.
        ago = (datetime.now(UTC) - when).total_seconds() if when is not None and place.is_here else 0.0
        trained = max(self._began, self._clock() - max(0.0, ago))
        self.trained_at = trained if self.trained_at is None else min(self.trained_at, trained)

    def _count(self, trials: Sequence[TrialRecord]) -> None:
        self.counts.update(trial.state for trial in trials)
        # What is trained again has numbers of its own, which would be taken for trials'.
        if self._what == "trials":
            self._view.recorded(trials)

    def _time_of_it(self, seconds: float, left: float | None) -> str:
        """About how long what comes afterwards takes; empty before an estimate is possible."""
        return f" ({about(self._then_share * (seconds + left))})" if self._then_share and left is not None else ""

    def _done(self, trained: float) -> float:
        """Trials of this session; what is done of the packs in training counts."""
        return self.counts.total() - self._before + trained

    def _per_second(self, trained: float) -> float | None:
        """The rate to expect: that of the second half of the time so far, or of all of it where that is slower.

        The sampler turns to larger networks and longer trainings as it learns, and packs that train end together.
        """
        seconds, done = self._clock() - self._began, self._done(trained)
        if seconds >= self._course[-1][0] + _COURSE_SECONDS:
            self._course.append((seconds, done))
        if not done or not seconds:
            return None
        since, before = next(entry for entry in reversed(self._course) if entry[0] <= seconds / 2)
        latest = (done - before) / (seconds - since)
        return min(done / seconds, latest) if latest > 0 else done / seconds

    def _seconds_left(self, trained: float) -> float | None:
        budget = None if self.deadline is None else max(0.0, self.deadline - self._clock())
        rate = self._per_second(trained)
        if rate is None:
            return budget
        rest = max(0.0, self._total - self.counts.total() - trained) / rate
        return rest if budget is None else min(rest, budget)
