"""The lead of a model over the baseline of the same rows."""

from __future__ import annotations

import dataclasses
from statistics import NormalDist

# What two standard errors leave on one side, rounded.
_RARE = 0.025


@dataclasses.dataclass(frozen=True)
class Lead:
    """By how much a model is better than the baseline of the same rows.

    Attributes:
        gain: The difference in the objective, negative if the model is worse.
        error: Its standard error; None where `chance` takes its place.
        chance: The share of random orders of the labels, among the rows, whose figure is at least as good.
        paired: Whether the error is that of the difference row by row; else it is that of the model's figure alone.
    """

    gain: float
    error: float | None = None
    chance: float | None = None
    paired: bool = True

    @property
    def is_real(self) -> bool:
        """Whether the model is better by more than chance explains: two standard errors, or 1 order of 40."""
        return self.is_real_among(1)

    def is_real_among(self, measurements: int) -> bool:
        """The same where it is the best of that many measurements on these rows (Bonferroni)."""
        rare = _RARE / measurements
        if self.chance is not None:
            return self.gain > 0 and self.chance <= rare
        # The normal quantile of 1 in 40 is 1.96.
        errors = max(2.0, -NormalDist().inv_cdf(rare))
        return self.error is not None and self.gain > errors * self.error
