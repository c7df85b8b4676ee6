"""Early stopping by ASHA: at a rung (an epoch) a trial continues if it is in the top 1/eta of the values so far."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

# Rung -> the values recorded there.
RungValues = Mapping[int, tuple[float, ...]]


@dataclasses.dataclass(frozen=True)
class Standing:
    """Where a trial stands: its best value so far (higher is better), and how many epochs it is to have in all."""

    value: float
    epochs: int


@dataclasses.dataclass(frozen=True)
class Asha:
    """The rule (Li et al. 2020, in its stopping form).

    Attributes:
        min_epochs: The first rung: every trial trains this long.
        reduction_factor: Eta: each rung is eta times later than the last, and 1 in eta continues.
    """

    min_epochs: int
    reduction_factor: int

    def rung(self, epoch: int, epochs: int) -> int | None:  # noqa: ARG002 (other rules go by it: benchmarks/ways.py)
        """The rung after this epoch (from 1) of a trial of so many; None if there is none. Here it is the epoch."""
        rung = self.min_epochs
        while rung < epoch:
            rung *= self.reduction_factor
        return rung if rung == epoch else None


class Rungs:
    """The values recorded at the rungs, and the verdicts on them.

    Args:
        asha: The rule.
        values: What is recorded already.
    """

    def __init__(self, asha: Asha, values: RungValues | None = None) -> None:
        self.asha = asha
        self._values = {rung: list(found) for rung, found in (values or {}).items()}

    def values(self) -> dict[int, tuple[float, ...]]:
        """All that is recorded."""
        return {rung: tuple(found) for rung, found in sorted(self._values.items())}

    def learn(self, history: Mapping[int, float], *, epochs: int) -> None:
        """Record what a trial had at its rungs.

        Args:
            history: Its gain (see `Objective`) by epoch (from 1).
            epochs: How many it was to have in all.
        """
        best = float("-inf")
        for epoch, value in sorted(history.items()):
            best = max(best, value)
            self._record(self.asha.rung(epoch, epochs), best)

    def judge(self, epoch: int, standings: Mapping[int, Standing]) -> list[int]:
        """Record the values of a pack's members after an epoch, then judge them; returns those that must stop.

        All are recorded before the first is judged, so that the verdict does not depend on their order.
        """
        rungs = {member: self.asha.rung(epoch, standing.epochs) for member, standing in standings.items()}
        for member, rung in rungs.items():
            self._record(rung, standings[member].value)
        return [
            member
            for member, rung in rungs.items()
            if rung is not None and not self._goes_on(rung, standings[member].value)
        ]

    def _record(self, rung: int | None, value: float) -> None:
        if rung is not None:
            self._values.setdefault(rung, []).append(value)

    def _goes_on(self, rung: int, value: float) -> bool:
        """Whether a value recorded at this rung is among the best. Ties continue, and so does the best of all."""
        recorded = self._values[rung]
        better = sum(other > value for other in recorded)
        return better < max(1, len(recorded) // self.asha.reduction_factor)
