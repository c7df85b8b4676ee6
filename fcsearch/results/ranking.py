"""Which trial of a run is better: the one rule, for tables and for single trials."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.config.objective import OBJECTIVES, Objective
from fcsearch.results.schema import RANKED_STATES

# Sorts best first.
Rank = tuple[float, float, int]


def rank(trial_id: int, *, gain: float, val_loss: float | None) -> Rank:
    """The rank of a trial that has a result: best objective, then lowest loss, then lowest number.

    A loss that was not finite (None) loses a tie.
    """
    return (-gain, float("inf") if val_loss is None else val_loss, trial_id)


def objective_of(trials: pa.Table) -> Objective:
    """What the search of a table of trials went by; runs of earlier versions, which do not say, by accuracy."""
    # Those that failed were never measured, and do not say what by.
    trials = trials.filter(pc.not_equal(trials["state"], "failed"))
    named = pc.unique(trials["objective"]).drop_null().to_pylist() if "objective" in trials.column_names else []
    return OBJECTIVES[named[0] if named else "accuracy"]


def rank_trials(trials: pa.Table) -> pa.Table:
    """The trials of a table that can be best, best first, by `rank`."""
    ranked = trials.filter(pc.is_in(trials["state"], pa.array(RANKED_STATES)))
    objective = objective_of(trials)
    direction = "descending" if objective.maximize else "ascending"
    order = [(objective.column, direction), ("val_loss", "ascending"), ("trial_id", "ascending")]
    # Nulls sort last: a loss that was not finite loses a tie.
    return ranked.sort_by(order) if len(ranked) else ranked
