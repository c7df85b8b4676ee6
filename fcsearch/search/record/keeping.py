"""What is kept of the best networks when a search has ended: the ensemble, and the models that someone may ask for."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection, Mapping

import torch

from fcsearch.data import Dataset
from fcsearch.errors import RunError
from fcsearch.results import RunDirectory, objective_of, rank_trials
from fcsearch.selection.calibration import KEY, fit_temperature, log_probabilities_of, mixed
from fcsearch.selection.confirmation import answers_by_refit, chosen_trial
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
    if dataset.num_classes:
        _calibrate(run, dataset, keep, members)


def _calibrate(run: RunDirectory, dataset: Dataset, keep: Collection[int], members: Mapping[int, float]) -> None:
    """Fit the temperature of each model that is kept, and of the ensemble, where they have none yet."""
    y = torch.from_numpy(dataset.val.y)
    for trial_id in sorted(set(keep) & set(run.saved_models())):
        try:
            if KEY not in run.models.metadata(trial_id):
                found = fit_temperature(_log_probabilities(run, dataset, trial_id), y)
                run.models.add_facts(trial_id, {KEY: dataclasses.asdict(found)})
        except RunError as error:
            logger.warning("a model stays without a temperature: %s", error)
    if answers_by_refit(run):
        _share_temperature(run)
    facts = run.models.ensemble_facts()
    if members and KEY not in facts:
        parts = [_log_probabilities(run, dataset, trial_id) for trial_id in members]
        found = fit_temperature(mixed(parts, list(members.values())), y)
        others = {name: value for name, value in facts.items() if name != "members"}
        run.models.save_ensemble(members, {**others, KEY: dataclasses.asdict(found)})


def _log_probabilities(run: RunDirectory, dataset: Dataset, trial_id: int) -> torch.Tensor:
    return log_probabilities_of(run.models.load(trial_id), _validation_rows(run, dataset, trial_id))


def _validation_rows(run: RunDirectory, dataset: Dataset, trial_id: int) -> torch.Tensor:
    """(V, D) In the form that the trial's network learned."""
    return torch.from_numpy(dataset.in_form(run.models.input_form(trial_id)).val.X)


def _share_temperature(run: RunDirectory) -> None:
    """Give the network that was fitted again the temperature of its trial's: for one of its own no rows are left."""
    path, chosen = run.models.refit_path, chosen_trial(run)
    if chosen in run.saved_models() and (found := run.models.metadata(chosen).get(KEY)):
        run.models.add_facts(chosen, {KEY: found}, path=path)


def _standing(run: RunDirectory) -> dict[int, float]:
    """The ensemble of the run, if no trial has come since: its other candidates are gone by now."""
    facts = run.models.ensemble_facts()
    members = run.models.ensemble()
    current = facts.get("trials") == len(run.finished_trials()) and set(members) <= set(run.saved_models())
    return members if current else {}


def _select(run: RunDirectory, dataset: Dataset, candidates: list[int]) -> dict[int, float]:
    saved = set(run.saved_models())
    found = [trial_id for trial_id in candidates if trial_id in saved]
    predicted = set(run.predictions.saved())
    predictions = {}
    for trial_id in found:
        try:
            # Those of a run of an earlier version were not kept.
            if trial_id not in predicted:
                X = _validation_rows(run, dataset, trial_id)
                run.predictions.save(trial_id, outputs(run.models.load(trial_id), X).half().numpy())
            predictions[trial_id] = run.predictions.load(trial_id)
        except RunError as error:
            logger.warning("no candidate of the ensemble: %s", error)
    objective, target = objective_of(run.trials()), dataset.transform.target
    judge = Judge(
        objective,
        dataset.labels(dataset.val),
        num_classes=dataset.num_classes,
        positive=dataset.positive,
        scale=1.0 if target is None else target.scale,
    )
    members = select_ensemble(predictions, judge)
    if members:
        facts = {"objective": judge.objective.name, "candidates": len(predictions)}
        run.models.save_ensemble(members, {**facts, "trials": len(run.finished_trials())})
    return members
