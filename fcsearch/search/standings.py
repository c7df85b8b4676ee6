"""The best trials of a run so far, by the rule that the report uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fcsearch.results import RANKED_STATES
from fcsearch.search.messages import MemberOutcome

# Sorts best first: highest validation accuracy, then lowest loss (one that is not finite last), then lowest number.
Rank = tuple[float, float, int]


def rank(row: Mapping[str, Any]) -> Rank:
    """The rank of a trial that has a result, from its row."""
    loss = row["val_loss"]
    return (-row["val_accuracy"], float("inf") if loss is None else loss, row["trial_id"])


class Standings:
    """Keeps the best k trials.

    Args:
        keep: k.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._ranks: list[Rank] = []
        self.best: dict[str, Any] | None = None

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take rows of the table `trials` into account."""
        for row in rows:
            if row["state"] in RANKED_STATES:
                if not self._ranks or rank(row) < self._ranks[0]:
                    self.best = dict(row)
                self._ranks = sorted([*self._ranks, rank(row)])[: self._keep]

    @property
    def trial_ids(self) -> list[int]:
        """The best k, best first."""
        return [trial_id for _, _, trial_id in self._ranks]

    @property
    def threshold(self) -> float | None:
        """The validation accuracy that a trial must reach to be among the best k; None while any would be."""
        return -self._ranks[-1][0] if len(self._ranks) == self._keep else None


def worth_keeping(members: Iterable[MemberOutcome], *, keep: int, threshold: float | None) -> set[int]:
    """The trials of a pack, at most `keep`, that may be among the best of the run."""
    ranks = []
    for member in members:
        best = member.result.best
        if member.result.state in RANKED_STATES and best is not None and best.val_accuracy is not None:
            row = {"trial_id": member.trial_id, "val_accuracy": best.val_accuracy, "val_loss": best.val_loss}
            if threshold is None or best.val_accuracy >= threshold:
                ranks.append(rank(row))
    return {trial_id for _, _, trial_id in sorted(ranks)[:keep]}
