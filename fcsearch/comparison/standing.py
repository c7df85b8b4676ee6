"""What a comparison finds: who leads, by how much, and whether chance explains it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# How the chance in which rows validate is in an interval; None: it is not, because it is not known.
RowsIn = Literal["by row", "at least"] | None


@dataclass(frozen=True)
class Margin:
    """The leader's value less another's, as a number of which more is better for the leader.

    Attributes:
        difference: It.
        low: Lower end of its 95% interval; None if there are too few values.
        high: Upper end.
        paired: Whether it was taken seed by seed.
        rows: How the chance in which rows validate is in the interval: `by row` as far as both models differ on each
            row; `at least` as far as it must be for shares of rows that differ by so much.
    """

    difference: float
    low: float | None
    high: float | None
    paired: bool = False
    rows: RowsIn = None

    @property
    def explained_by_chance(self) -> bool:
        """Whether the interval holds 0, or there is none."""
        return self.low is None or self.high is None or self.low <= 0 <= self.high


@dataclass(frozen=True)
class Standing:
    """A run in one section of a comparison.

    Attributes:
        run: Its label.
        trials: Trials that count here; over seeds, trainings.
        trial_id: Its best trial; None if no trial has a result.
        value: The best objective among those trials, or the confirmed winner's mean over the seeds.
        low: Lower end of its 95% interval.
        high: Upper end.
        lead: By how much the leader is ahead; None for the leader, and where the runs cannot be compared.
    """

    run: str
    trials: int
    trial_id: int | None
    value: float | None
    low: float | None
    high: float | None
    lead: Margin | None = None


@dataclass(frozen=True)
class Section:
    """Runs, compared one way.

    Attributes:
        basis: `trials`, `time` or `seeds`.
        amount: How many trials each run has here, how many seconds, or how many seeds, the same for all; None where
            each run's winner stands here with seeds of its own.
        standings: Best first; as the runs were named where they cannot be compared.
    """

    basis: str
    amount: float | None
    standings: tuple[Standing, ...]
