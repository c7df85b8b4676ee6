"""What is kept of the best networks when a search has ended: the ensemble, and the models that someone may ask for."""

from __future__ import annotations

import logging

import torch

from fcsearch.data import Dataset
from fcsearch.errors import RunError
from fcsearch.results import RunDirectory, objective_of, rank_trials
from fcsearch.selection.confirmation import chosen_trial
from fcsearch.selection.ensemble import select_ensemble
from fcsearch.training.judging import Judge, outputs

logger = logging.getLogger(__name__)


def keep_best(run: RunDirectory, dataset: Dataset, *, keep_models: int, ensemble: int) -> None:
    """Select the ensemble from what is kept, and let go of what neither it nor the best trials need.

    Args:
        run: The run directory, which the caller holds for writing; at least one trial has a result.
        dataset: What was learned.
        keep_models: How many of the best trials keep their models.
        ensemble: How many of the best trials are candidates; 0: there is no ensemble.
    """
    ranked: list[int] = rank_trials(run.trials())["trial_id"].to_pylist()
    members = (_standing(run) or _select(run, dataset, ranked[:ensemble])) if ensemble else {}
    keep = {*ranked[:keep_models], *members, chosen_trial(run)}
    run.prune_models(keep)
    run.predictions.prune(keep)


def _standing(run: RunDirectory) -> dict[int, float]:
    """The ensemble of the run, if no trial has come since: its other candidates are gone by now."""
    facts = run.models.ensemble_facts()
    members = run.models.ensemble()
    current = facts.get("trials") == len(run.finished_trials()) and set(members) <= set(run.saved_models())
    return members if current else {}


def _select(run: RunDirectory, dataset: Dataset, candidates: list[int]) -> dict[int, float]:
    saved = set(run.saved_models())
    found = [trial_id for trial_id in candidates if trial_id in saved]
    predicted, X = set(run.predictions.saved()), torch.from_numpy(dataset.val.X)
    predictions = {}
    for trial_id in found:
        try:
            # Those of a run of an earlier version were not kept.
            if trial_id not in predicted:
                run.predictions.save(trial_id, outputs(run.models.load(trial_id), X).half().numpy())
            predictions[trial_id] = run.predictions.load(trial_id)
        except RunError as error:
            logger.warning("no candidate of the ensemble: %s", error)
    judge = Judge(objective_of(run.trials()), dataset.val.y, num_classes=dataset.num_classes)
    members = select_ensemble(predictions, judge)
    if members:
        facts = {"objective": judge.objective.name, "candidates": len(predictions)}
        run.models.save_ensemble(members, {**facts, "trials": len(run.finished_trials())})
    return members
