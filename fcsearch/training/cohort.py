"""A cohort: the lanes of a pack that see the same minibatches, so that each is gathered once for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from torch import Tensor

from fcsearch.training.data import Minibatches
from fcsearch.training.lane import Lane
from fcsearch.training.metrics import EpochMetrics

# What a lane trains in one call takes a tenth of a second or so on a core, which does some 2e10 operations a second, or
# as long as a step.
_OPERATIONS = 2e9

# Asked every few steps of an epoch whether to leave it in the middle.
AskedToLeave = Callable[[], bool]


class EpochLeft(Exception):  # noqa: N818 (nothing went wrong)
    """An epoch was left in the middle: its lanes can train no more."""


class Cohort:
    """Lanes of one seed and batch size, which train in turns, a few steps each.

    Args:
        batches: What they see.
        lanes: The lanes.

    Attributes:
        lanes: Those that have members left.
    """

    def __init__(self, batches: Minibatches, lanes: Sequence[Lane]) -> None:
        self.batches = batches
        self.lanes = list(lanes)
        self._seconds = [0.0] * len(self.lanes)

    def train(self, epoch: int, leave: AskedToLeave | None = None) -> None:
        """Train every lane for an epoch (from 1).

        Args:
            epoch: The epoch.
            leave: Whether to raise EpochLeft; None: it does not.
        """
        self._seconds = [0.0] * len(self.lanes)
        stretch = self.batches.stretch(epoch)
        for lane in self.lanes:
            lane.start_epoch(stretch, self.batches.steps)
        first = (epoch - stretch.start) * self.batches.steps
        most = max(1, int(_OPERATIONS / max(lane.operations for lane in self.lanes)))
        for chunk in self.batches.epoch(epoch, most=most):
            for position, lane in enumerate(self.lanes):
                if leave is not None and leave():
                    raise EpochLeft
                began = time.perf_counter()
                lane.train(chunk, first)
                self._seconds[position] += time.perf_counter() - began
            first += len(chunk.x)

    def measure(self) -> list[Tensor]:
        """What each lane measures at the end of an epoch."""
        measured = []
        for position, lane in enumerate(self.lanes):
            began = time.perf_counter()
            measured.append(lane.measure())
            self._seconds[position] += time.perf_counter() - began
        return measured

    def end_epoch(self, measured: Sequence[Sequence[Sequence[float]]]) -> dict[int, EpochMetrics]:
        """The metrics of every member by pack index, from the rows that each lane measured."""
        metrics: dict[int, EpochMetrics] = {}
        for lane, rows, seconds in zip(self.lanes, measured, self._seconds, strict=True):
            metrics.update(lane.end_epoch(rows, seconds / len(lane.members)))
        return metrics

    def remove(self, gone: Collection[int]) -> None:
        """Let members (pack indices) go, and the lanes that are left empty."""
        for lane in self.lanes:
            if not set(lane.members).isdisjoint(gone):
                lane.remove(gone)
        self.lanes = [lane for lane in self.lanes if lane.members]
