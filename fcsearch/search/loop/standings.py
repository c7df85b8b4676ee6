"""The best trials of a run so far, by the rule that the report uses."""

from __future__ import annotations

from collections.abc import Iterable

from fcsearch.config.states import Rank
from fcsearch.results import RANKED_STATES, TrialRecord, rank


class Standings:
    """Keeps the best k trials.

    Args:
        keep: k.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._ranks: list[Rank] = []
        self.best: TrialRecord | None = None

    def add(self, trials: Iterable[TrialRecord]) -> None:
        """Take trials into account."""
        for trial in trials:
            if trial.state in RANKED_STATES and trial.gain is not None:
                ranked = rank(trial.trial_id, gain=trial.gain, val_loss=trial.val_loss)
                if not self._ranks or ranked < self._ranks[0]:
                    self.best = trial
                self._ranks = sorted([*self._ranks, ranked])[: self._keep]

    @property
    def trial_ids(self) -> list[int]:
        """The best k, best first."""
        return [trial_id for _, _, trial_id in self._ranks]

    @property
    def threshold(self) -> float | None:
        """The gain that a trial must reach to be among the best k; None while any would be."""
        return -self._ranks[-1][0] if len(self._ranks) == self._keep else None
