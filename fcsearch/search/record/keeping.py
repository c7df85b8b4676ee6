"""What is kept of the best networks when a search has ended: the ensemble, and the models that someone may ask for."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import logging
from collections.abc import Callable, Collection, Mapping

import pyarrow.compute as pc
import torch
from torch import Tensor

from fcsearch.config.states import UNFINISHED
from fcsearch.data import Dataset
from fcsearch.errors import RunError
from fcsearch.results import RunDirectory, files, objective_of, rank_trials
from fcsearch.selection.calibration import KEY, Calibration
from fcsearch.selection.confirmation import chosen_trial
from fcsearch.selection.ensemble import select_ensemble
from fcsearch.selection.refits import answers_by_refit
from fcsearch.selection.temperature import fit_temperature, log_probabilities_of, mixed
from fcsearch.selection.trained_again import trainings_that_count
from fcsearch.selection.validated import ValidationRows, log_probabilities, out_of_fold, validation_rows
from fcsearch.training.judging import outputs
from fcsearch.training.threads import threads_for

logger = logging.getLogger(__name__)


def keep_best(run: RunDirectory, dataset: Dataset, *, keep_models: int, ensemble: int) -> None:
    """Select the ensemble from what is kept, and let go of what neither it nor the best trials need.

    Args:
        run: The run directory, which the caller holds for writing; at least one trial has a result.
        dataset: What was learned.
        keep_models: How many of the best trials keep their models.
        ensemble: How many of the best trials are candidates; 0: there is no ensemble.
    """
    # An unfinished trial may still diverge: until then none that has ended loses its place to it.
    best = (rank_trials(table)["trial_id"].to_pylist()[:keep_models] for table in (run.trials(), run.ended_trials()))
    members = settle_ensemble(run, dataset, ensemble)
    # One that was confirmed may win a later confirmation that it takes no part in.
    again = (row["trial_id"] for row in trainings_that_count(run))
    keep = {*itertools.chain(*best), *members, *again}
    run.models.prune(keep)
    run.models.prune_refits(members)
    if not members:
        # One of an earlier command: its networks go.
        files.remove(run.models.ensemble_path)
    run.predictions.prune(keep)
    if dataset.num_classes:
        _calibrate(run, dataset, keep, members)


def settle_ensemble(run: RunDirectory, dataset: Dataset, count: int) -> dict[int, float]:
    """The weight of each member of the run's ensemble, which is selected where there is none of all its trials yet.

    Args:
        run: The run directory, which the caller holds for writing.
        dataset: What was learned.
        count: How many of the best trials are candidates; 0: there is no ensemble.
    """
    if not count:
        return {}
    ranked: list[int] = rank_trials(run.trials())["trial_id"].to_pylist()
    return _standing(run) or _select(run, dataset, ranked[:count])


def _calibrate(run: RunDirectory, dataset: Dataset, keep: Collection[int], members: Mapping[int, float]) -> None:
    """Fit the temperature of each model that is kept, and of the ensemble, where they have none yet."""
    predict = functools.partial(_predicted, run, dataset)
    # Members of the ensemble are asked twice; what the others predict is not kept in memory.
    predict_once = functools.cache(predict)
    for trial_id in sorted(set(keep) & set(run.models.saved())):
        try:
            if KEY not in run.models.metadata(trial_id):
                once = predict_once if trial_id in members else predict
                found = _fitted(run, dataset, {trial_id: 1.0}, once)
                run.models.add_facts(trial_id, {KEY: dataclasses.asdict(found)})
        except RunError as error:
            logger.warning("a model stays without a temperature: %s", error)
    if answers_by_refit(run):
        _share_temperature(run)
    facts = run.models.ensemble_facts()
    if members and KEY not in facts:
        found = _fitted(run, dataset, members, predict_once)
        others = {name: value for name, value in facts.items() if name != "members"}
        run.models.save_ensemble(members, {**others, KEY: dataclasses.asdict(found)})


def _fitted(
    run: RunDirectory, dataset: Dataset, members: Mapping[int, float], predict: Callable[[int], Tensor]
) -> Calibration:
    """The temperature of trials together: with folds by what was kept of rows that their networks did not see."""
    predicted = out_of_fold(run, members, dataset)
    if predicted is not None:
        return fit_temperature(log_probabilities(predicted), torch.from_numpy(ValidationRows(dataset.folds).y))
    parts = [predict(trial_id) for trial_id in members]
    return fit_temperature(mixed(parts, list(members.values())), torch.from_numpy(dataset.val.y))


def _predicted(run: RunDirectory, dataset: Dataset, trial_id: int) -> Tensor:
    """(V, C) float64: the logarithms of a trial's probabilities for the validation rows."""
    return log_probabilities_of(run.models.load(trial_id), _validation_inputs(run, dataset, trial_id))


def _validation_inputs(run: RunDirectory, dataset: Dataset, trial_id: int) -> Tensor:
    """(V, D) The validation rows in the form that the trial's network was trained on."""
    return torch.from_numpy(dataset.in_form(run.models.input_form(trial_id)).val.X)


def _share_temperature(run: RunDirectory) -> None:
    """Give the network that was fitted again the temperature of its trial's: for one of its own no rows are left."""
    path, chosen = run.models.refit_path, chosen_trial(run)
    if chosen in run.models.saved() and (found := run.models.metadata(chosen).get(KEY)):
        run.models.add_facts(chosen, {KEY: found}, path=path)


def _standing(run: RunDirectory) -> dict[int, float]:
    """The ensemble of the run, if no trial has come since: its other candidates are gone by now."""
    facts = run.models.ensemble_facts()
    members = run.models.ensemble()
    of = {name: facts[name] for name in ("trials", "unfinished") if name in facts}
    current = of == _trials_of(run) and set(members) <= set(run.models.saved())
    return members if current else {}


def _select(run: RunDirectory, dataset: Dataset, candidates: list[int]) -> dict[int, float]:
    rows = validation_rows(run, dataset)
    predictions = {}
    for trial_id in set(candidates) & set(run.models.saved()):
        try:
            # Those of a run of an earlier version were not kept.
            if not run.predictions.rows(trial_id) and len(rows.folds) == 1:
                X = _validation_inputs(run, dataset, trial_id)
                run.predictions.save(trial_id, outputs(run.models.load(trial_id), X).half().numpy())
            if run.predictions.rows(trial_id) >= len(rows):
                # The first fold's rows come first.
                predictions[trial_id] = rows.standardised(run.predictions.load(trial_id)[: len(rows)])
        except RunError as error:
            logger.warning("no candidate of the ensemble: %s", error)
    judge = rows.judge(objective_of(run.trials()))
    with threads_for(len(rows) * dataset.outputs * len(predictions)):
        members = select_ensemble(predictions, judge)
    if members:
        facts = {"objective": judge.objective.name, "candidates": len(predictions)}
        run.models.save_ensemble(members, {**facts, **_trials_of(run)})
    return members


def _trials_of(run: RunDirectory) -> dict[str, object]:
    """Of which trials an ensemble is selected: how many are done, and how far the unfinished ones are."""
    table = run.trials()
    left = table.filter(pc.equal(table["state"], UNFINISHED)).select(["trial_id", "epochs_run"]).to_pylist()
    epochs = {str(row["trial_id"]): row["epochs_run"] for row in left}
    return {"trials": len(run.finished_trials()), **({"unfinished": epochs} if epochs else {})}
