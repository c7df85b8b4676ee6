"""Watches a search: counts trials, feeds the view, and ends the search when the user or the clock says so."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from fcsearch.search.loop.dispatcher import Dispatcher, Failure
from fcsearch.search.loop.interruption import Interruption
from fcsearch.search.loop.standings import Standings
from fcsearch.search.loop.view import Best, Status, View
from fcsearch.search.pool.messages import PackOutcome, Progress
from fcsearch.training import PARAMETER_NAMES

logger = logging.getLogger(__name__)

# Packs that were asked to end and have not done so after this long (their epochs are longer) are abandoned.
_GRACE_SECONDS = 10.0
_VIEW_SECONDS = 0.2


class Monitor:
    """Hears of every event of a search.

    Args:
        view: Shows it.
        total: Trials of the run.
        before: States of the trials that were done before.
        standings: The best of the run.
        dispatcher: Told to close.
        interruption: Whether the user wants the search to end.
        deadline: When the time budget is used up (`time.monotonic()`).
        gpus: Whether workers were given GPUs.
    """

    def __init__(
        self,
        view: View,
        *,
        total: int,
        before: Iterable[str],
        standings: Standings,
        dispatcher: Dispatcher,
        interruption: Interruption,
        deadline: float | None,
        gpus: bool,
    ) -> None:
        self._view = view
        self._total = total
        self.counts = Counter(before)
        self._before = self.counts.total()
        self._standings = standings
        self._dispatcher = dispatcher
        self._interruption = interruption
        self._deadline = deadline
        self._gpus = gpus
        self._without_gpu: set[str] = set()
        self._packs: dict[int, Progress] = {}
        self._began = time.monotonic()
        self._shown = 0.0
        self._closed_at: float | None = None
        self.closing: str | None = None

    def progressed(self, progress: Progress) -> None:
        """A pack reports how it goes."""
        if progress.pack_id not in self._packs:
            logger.info("pack %d trains on %s, %s", progress.pack_id, progress.place.node, progress.place.device)
        self._packs[progress.pack_id] = progress

    def ended(self, outcome: PackOutcome, rows: list[dict[str, Any]]) -> None:
        """A pack came to an end, with the rows of the trials that did."""
        self._packs.pop(outcome.pack_id, None)
        self._count(rows)
        place = outcome.place
        if self._gpus and place.device == "cpu" and place.node not in self._without_gpu:
            self._without_gpu.add(place.node)
            self._view.notice(f"torch can use no GPU on {place.node}: packs train on the CPU there (see log.txt)")

    def failed(self, pack_id: int, failure: Failure) -> None:
        """A pack could not be trained."""
        self._packs.pop(pack_id, None)
        self._count(failure.rows)
        then = "its trial is given up" if failure.rows else "its trials are tried again"
        self._view.notice(f"pack {pack_id} failed, {then}: {failure.cause}")

    def tick(self, leave: Callable[[], None]) -> None:
        """Some ten times a second.

        Args:
            leave: Asks all packs in training to end at their next epoch.

        Raises:
            KeyboardInterrupt: packs were asked to end, and take too long.
        """
        now = time.monotonic()
        if self._closed_at is None:
            self._close_if_due(now)
        else:
            leave()
            if now > self._closed_at + _GRACE_SECONDS:
                raise KeyboardInterrupt
        if now > self._shown + _VIEW_SECONDS:
            self._shown = now
            self._view.update(self.status())

    def status(self) -> Status:
        """Where the search stands."""
        best = self._standings.best
        return Status(
            total=self._total,
            counts=dict(self.counts),
            packs=tuple(self._packs.values()),
            best=Best(best["trial_id"], best["val_accuracy"], {name: best[name] for name in PARAMETER_NAMES})
            if best
            else None,
            seconds=time.monotonic() - self._began,
            seconds_left=self._seconds_left(),
            closing=self.closing,
        )

    def _count(self, rows: list[dict[str, Any]]) -> None:
        self.counts.update(row["state"] for row in rows)
        self._view.recorded(rows)

    def _close_if_due(self, now: float) -> None:
        if self._interruption.requested:
            self.closing = "interrupt"
        elif self._deadline is not None and now > self._deadline:
            self.closing = "time_budget"
        if self.closing:
            self._closed_at = now
            self._dispatcher.close()

    def _seconds_left(self) -> float | None:
        now = time.monotonic()
        budget = None if self._deadline is None else max(0.0, self._deadline - now)
        done = self.counts.total() - self._before
        if not done:
            return budget
        rest = (now - self._began) / done * (self._total - self.counts.total())
        return rest if budget is None else min(rest, budget)
