"""Keeps count of a search, and shows how it goes."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from fcsearch.config.objective import OBJECTIVES
from fcsearch.results import TrialRecord
from fcsearch.search.loop.standings import Standings
from fcsearch.search.loop.view import Best, Status, View
from fcsearch.search.pool.interface import CutShort, Notice, PackFailed
from fcsearch.search.pool.messages import PackOutcome, Progress

logger = logging.getLogger(__name__)

_VIEW_SECONDS = 0.2


class Tracker:
    """Hears of every event of a search.

    Args:
        view: Shows it.
        total: Trials of the run.
        before: States of the trials that were done before.
        standings: The best of the run.
        deadline: When the time budget is used up, by the clock.
        gpus: Whether workers were given GPUs.
        what: What is counted.
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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._view = view
        self._total = total
        self._what = what
        self.counts = Counter(before)
        self._before = self.counts.total()
        self._standings = standings
        self._deadline = deadline
        self._gpus = gpus
        self._clock = clock
        self._without_gpu: set[str] = set()
        self._packs: dict[int, Progress] = {}
        self._began = clock()
        self._shown: float | None = None

    def progressed(self, progress: Progress) -> None:
        """A pack reports how it goes."""
        if progress.pack_id not in self._packs:
            logger.info("pack %d trains on %s, %s", progress.pack_id, progress.place.node, progress.place.device)
        self._packs[progress.pack_id] = progress

    def ended(self, outcome: PackOutcome, trials: Sequence[TrialRecord]) -> None:
        """A pack came to an end, with the trials that did."""
        self._packs.pop(outcome.pack_id, None)
        self._count(trials)
        place = outcome.place
        if self._gpus and place.device == "cpu" and place.node not in self._without_gpu:
            self._without_gpu.add(place.node)
            self._view.notice(f"torch can use no GPU on {place.node}: packs train on the CPU there (see log.txt)")

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

    def show(self, closing: str | None) -> None:
        """Let the view show where the search stands, a few times a second."""
        now = self._clock()
        if self._shown is None or now > self._shown + _VIEW_SECONDS:
            self._shown = now
            self._view.update(self.status(closing))

    def status(self, closing: str | None) -> Status:
        """Where the search stands.

        Args:
            closing: Why no new pack starts, if so.
        """
        best = self._standings.best
        return Status(
            total=self._total,
            counts=dict(self.counts),
            packs=tuple(self._packs.values()),
            best=None
            if best is None or best.value is None
            else Best(best.trial_id, OBJECTIVES[best.objective], best.value, best.config.parameters()),
            seconds=self._clock() - self._began,
            seconds_left=self._seconds_left(),
            closing=closing,
            what=self._what,
        )

    def _count(self, trials: Sequence[TrialRecord]) -> None:
        self.counts.update(trial.state for trial in trials)
        # What is trained again has numbers of its own, which would be taken for trials'.
        if self._what == "trials":
            self._view.recorded(trials)

    def _seconds_left(self) -> float | None:
        now = self._clock()
        budget = None if self._deadline is None else max(0.0, self._deadline - now)
        done = self.counts.total() - self._before
        if not done:
            return budget
        rest = (now - self._began) / done * (self._total - self.counts.total())
        return rest if budget is None else min(rest, budget)
