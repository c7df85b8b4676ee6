"""The trials of a table, best first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.config.objective import OBJECTIVES, Objective
from fcsearch.config.states import RANKED_STATES
from fcsearch.errors import RunError


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


def best_row(trials: pa.Table, *, run: Path) -> dict[str, Any]:
    """The row of the best trial; RunError, naming the run directory, if no trial has a result."""
    ranked = rank_trials(trials)
    if not len(ranked):
        raise RunError(f"a run must have a trial with a result; found none in {run}; see its log.txt")
    row: dict[str, Any] = ranked.slice(0, 1).to_pylist()[0]
    return row


def trial_row(trials: pa.Table, trial_id: int, *, run: Path) -> dict[str, Any]:
    """The row of a trial; RunError, naming the run directory, if there is none."""
    rows = trials.filter(pc.equal(trials["trial_id"], trial_id)).to_pylist()
    if not rows:
        known = pc.min_max(trials["trial_id"]).as_py() if len(trials) else None
        which = f"be from {known['min']} to {known['max']}, and trained" if known else "be trained; none is"
        raise RunError(f"a trial of {run} must {which}; found {trial_id}")
    row: dict[str, Any] = rows[0]
    return row
