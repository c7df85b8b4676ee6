"""Early stopping by ASHA: at a rung a trial goes on if it is in the top 1/eta of all values recorded there so far."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

# Rung (an epoch) -> the values recorded there.
RungValues = Mapping[int, tuple[float, ...]]


@dataclasses.dataclass(frozen=True)
class Asha:
    """The rule (Li et al. 2020, in its stopping form).

    Attributes:
        min_epochs: The first rung: every trial trains this long.
        reduction_factor: Eta: each rung lies eta times later than the last, and 1 in eta goes on.
    """

    min_epochs: int
    reduction_factor: int

    def is_rung(self, epoch: int) -> bool:
        """Whether trials are judged after this epoch (from 1)."""
        rung = self.min_epochs
        while rung < epoch:
            rung *= self.reduction_factor
        return rung == epoch

    def rungs(self, epochs: int) -> list[int]:
        """The rungs that a trial of this many epochs meets before its end, first to last."""
        return [epoch for epoch in range(1, epochs) if self.is_rung(epoch)]


class Rungs:
    """The values recorded at the rungs, and the verdicts on them.

    Args:
        asha: The rule.
        values: What is recorded already.
    """

    def __init__(self, asha: Asha, values: RungValues | None = None) -> None:
        self.asha = asha
        self._values = {epoch: list(found) for epoch, found in (values or {}).items()}

    def values(self) -> dict[int, tuple[float, ...]]:
        """All that is recorded."""
        return {epoch: tuple(found) for epoch, found in sorted(self._values.items())}

    def record(self, epoch: int, value: float) -> None:
        """Add a trial's value at a rung; epochs that are no rung are passed over."""
        if self.asha.is_rung(epoch):
            self._values.setdefault(epoch, []).append(value)

    def extend(self, values: RungValues) -> None:
        """Add what other trials recorded."""
        for epoch, found in values.items():
            self._values.setdefault(epoch, []).extend(found)

    def goes_on(self, epoch: int, value: float) -> bool:
        """Whether a trial with this value at this rung, where it is recorded, trains on.

        Ties are decided in the trial's favour, and the best of all always goes on.
        """
        recorded = self._values[epoch]
        better = sum(other > value for other in recorded)
        return better < max(1, len(recorded) // self.asha.reduction_factor)

    def judge(self, epoch: int, values: Mapping[int, float]) -> list[int]:
        """Record the values of a pack's members at an epoch, then judge them all: which are to stop?

        All are recorded before the first is judged, so that the verdict does not depend on their order.

        Args:
            epoch: The epoch just trained.
            values: By member, higher is better.
        """
        if not self.asha.is_rung(epoch):
            return []
        for value in values.values():
            self.record(epoch, value)
        return [member for member, value in values.items() if not self.goes_on(epoch, value)]


def rung_values(asha: Asha, epochs: Mapping[Any, Mapping[int, float]]) -> dict[int, tuple[float, ...]]:
    """What trials recorded at their rungs, read from their histories.

    Args:
        asha: The rule.
        epochs: For each trial its gain (see `Objective`) by epoch (from 1).
    """
    rungs = Rungs(asha)
    for history in epochs.values():
        best = float("-inf")
        for epoch, value in sorted(history.items()):
            best = max(best, value)
            rungs.record(epoch, best)
    return rungs.values()
