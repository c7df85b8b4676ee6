"""The states in which a trial can have a row, and the one rule for which trial is better."""

from __future__ import annotations

# Of a trial that was in training when its search ended: its row says what it had reached, until `resume` trains it to
# its end. A trial that is still waiting, or in training for the first time, has no row.
UNFINISHED = "unfinished"
# Early stopping ended it.
STOPPED = "stopped"
STATES: tuple[str, ...] = ("complete", STOPPED, "diverged", "failed", UNFINISHED)
# The states whose trials have a result that can be the best of a run.
RANKED_STATES: tuple[str, ...] = ("complete", STOPPED, UNFINISHED)

# Sorts best first.
Rank = tuple[float, float, int]


def rank(trial_id: int, *, gain: float, val_loss: float | None) -> Rank:
    """The rank of a trial that has a result: best objective, then lowest loss, then lowest number.

    A loss that was not finite (None) loses a tie.
    """
    return (-gain, float("inf") if val_loss is None else val_loss, trial_id)
