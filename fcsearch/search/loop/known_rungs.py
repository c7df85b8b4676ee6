"""What early stopping knows from the sessions before: how their trials were at its rungs."""

from __future__ import annotations

from fcsearch.config.objective import Objective
from fcsearch.results import RunDirectory
from fcsearch.search.planning.plan import SearchPlan
from fcsearch.search.pool.asha import Asha, Rungs


def known_rungs(run: RunDirectory, plan: SearchPlan) -> Rungs | None:
    """The gains of trials that have ended, at the rungs; None without early stopping."""
    early = plan.space.early_stopping
    if early is None:
        return None
    rungs, objective = Rungs(Asha(early.min_epochs, early.reduction_factor)), plan.space.known_objective
    planned = dict(zip(*(run.ended_trials()[name].to_pylist() for name in ("trial_id", "epochs")), strict=True))
    for trial_id, history in _histories(run, objective).items():
        # An unfinished trial is judged again: it is counted then.
        if trial_id in planned:
            rungs.learn(history, epochs=planned[trial_id])
    return rungs


def _histories(run: RunDirectory, objective: Objective) -> dict[int, dict[int, float]]:
    """Each trial's gain by epoch."""
    histories: dict[int, dict[int, float]] = {}
    for row in run.epochs().select(["trial_id", "epoch", objective.column]).to_pylist():
        if row[objective.column] is not None:
            histories.setdefault(row["trial_id"], {})[row["epoch"]] = objective.gain(row[objective.column])
    return histories
