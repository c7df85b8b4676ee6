"""The best trials of a run so far, by the rule that the report uses."""

from __future__ import annotations

import math
from collections.abc import Iterable

from fcsearch.config.states import Rank
from fcsearch.results import RANKED_STATES, Best, TrialRecord, rank

# The records of this many trials are kept, for views.
_LEADERS = 3


class Standings:
    """Keeps the best k trials.

    Args:
        keep: k.
        compete: Whether one of them is better than another, for those who look on.
    """

    def __init__(self, keep: int, *, compete: bool = True) -> None:
        self._keep = keep
        self._compete = compete
        self._ranks: list[Rank] = []
        self._leaders: list[tuple[Rank, TrialRecord]] = []
        self._seen = 0
        self._course: list[tuple[int, float]] = []

    def add(self, trials: Iterable[TrialRecord]) -> None:
        """Take trials into account."""
        for trial in trials:
            self._seen += 1
            if trial.state in RANKED_STATES and trial.gain is not None:
                ranked = rank(trial.trial_id, gain=trial.gain, val_loss=trial.val_loss)
                self._ranks = sorted([*self._ranks, ranked])[: self._keep]
                self._leaders = sorted([*self._leaders, (ranked, trial)], key=lambda pair: pair[0])[:_LEADERS]
                if self._leaders[0][1] is trial and trial.value is not None:
                    self._course.append((self._seen, trial.value))

    @property
    def leaders(self) -> tuple[Best, ...]:
        """The best few, best first; none where they do not compete."""
        if not self._compete:
            return ()
        return tuple(
            Best(trial.trial_id, trial.objective, trial.value, trial.config.parameters())
            for _, trial in self._leaders
            if trial.value is not None
        )

    @property
    def course(self) -> tuple[tuple[int, float], ...]:
        """Each best value so far, with how many trials there were when it was found."""
        return tuple(self._course) if self._compete else ()

    @property
    def trial_ids(self) -> list[int]:
        """The best k, best first."""
        return [trial_id for _, _, trial_id in self._ranks]

    @property
    def threshold(self) -> float | None:
        """The gain that a trial must reach to be among the best k; None while any would be."""
        if len(self._ranks) < self._keep:
            return None
        return -self._ranks[-1][0] if self._ranks else math.inf
