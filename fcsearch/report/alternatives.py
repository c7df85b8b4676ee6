"""The ensemble and the refit beside the single winner: each measured on the test rows once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fcsearch.data import Dataset
from fcsearch.errors import DataError, RunError
from fcsearch.evaluation.measurement import Measurement
from fcsearch.evaluation.measuring import measure_model
from fcsearch.evaluation.out_of_fold import compare_out_of_fold, measure_out_of_fold
from fcsearch.evaluation.pairs import Pair, compare
from fcsearch.report.measured import NOT_YET_MEASURED, Alternative, Versus
from fcsearch.results import RunDirectory
from fcsearch.selection import Member, answers_by_refit, ensemble_answers_by_refit, load_members
from fcsearch.selection.calibration import temperature_in

LoadDataset = Callable[[], Dataset]


def known_alternative(stored: Mapping[str, Any], model: str) -> Alternative | None:
    """The model's entry in the last report.json; None if there is none."""
    try:
        return Alternative.from_json(stored[model])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def ensemble_of(
    run: RunDirectory, winner: int, load: LoadDataset | None, known: Alternative | None
) -> Alternative | None:
    """The run's ensemble beside the winner; None if there is none, or if it is a single network.

    Args:
        run: The run directory.
        winner: The trial whose network is the winner.
        load: Loads the run's dataset; None: nothing is measured, and only earlier measurements are used.
        known: What was measured before. It is not measured again.

    Raises:
        RunError: the ensemble's file is damaged.
    """
    members = run.models.ensemble()
    if len(members) < 2:
        return None
    try:
        digest = run.models.ensemble_digest() if ensemble_answers_by_refit(run) else None
    except RunError as error:
        return Alternative("ensemble", members, note=str(error))
    return _known_or_measured(run, Alternative("ensemble", members, digest=digest), winner, load, known)


def refit_of(run: RunDirectory, winner: int, load: LoadDataset | None, known: Alternative | None) -> Alternative | None:
    """The refit beside the winner; arguments as `ensemble_of`.

    Its only member is the trial that was fitted again: another may have become the winner since then. A refit that is
    newer than its measurement is measured again.
    """
    if not run.models.refit_path.is_file():
        return None
    try:
        of = run.models.metadata(winner, path=run.models.refit_path).get("trial_id", winner)
        found = Alternative("refit", {of: 1.0}, digest=run.models.refit_digest())
    except RunError as error:
        return Alternative("refit", {winner: 1.0}, note=str(error))
    return _known_or_measured(run, found, winner, load, known)


def _known_or_measured(
    run: RunDirectory, found: Alternative, winner: int, load: LoadDataset | None, known: Alternative | None
) -> Alternative:
    if known and (known.members, known.digest, known.note) == (found.members, found.digest, None):
        return _compared_with(run, known, winner, load)
    if load is None:
        return dataclasses.replace(found, note=NOT_YET_MEASURED)
    try:
        dataset = load()
        members = load_members(run, found.model)
        # The refit was trained on the validation rows.
        validation = _on_validation_rows(run, found, members, dataset) if found.model == "ensemble" else None
        test = measure_model(run, members, dataset, "test") if len(dataset.test) else None
        found = dataclasses.replace(found, validation=validation, test=test)
        return dataclasses.replace(found, versus=_versus(run, found, members, winner, dataset))
    except (DataError, RunError) as error:
        return dataclasses.replace(found, validation=None, test=None, note=str(error))


def _compared_with(run: RunDirectory, known: Alternative, winner: int, load: LoadDataset | None) -> Alternative:
    """What was measured, compared with this winner: another may have been the winner at that time."""
    versus = known.versus
    if versus is None or versus.is_with(winner, _refit_beside(run, known.model, versus.split)):
        return known
    # An earlier version did not say with which: that is kept where nothing better can be had.
    kept = known if versus.trial_id is None else dataclasses.replace(known, versus=None)
    if load is None:
        return kept
    try:
        dataset, members = load(), load_members(run, known.model)
        return dataclasses.replace(known, versus=_versus(run, known, members, winner, dataset))
    except (DataError, RunError):
        return kept


def _refit_beside(run: RunDirectory, model: str, split: str) -> str | None:
    """The digest of the refit that a model is compared with; None if that is the trial's own network."""
    of_refit = model == "ensemble" and split == "test" and answers_by_refit(run)
    return run.models.refit_digest() if of_refit else None


def _versus(
    run: RunDirectory, found: Alternative, members: Sequence[Member], winner: int, dataset: Dataset
) -> Versus | None:
    """A measured model beside the winner, on the test rows, else on the validation rows; None without either."""
    split = "test" if found.test else "val"
    # The ensemble stands beside the network that it would be used in place of, the refit beside the trial's own.
    single = load_members(run, None if found.model == "ensemble" else str(winner))
    pair: Pair | None = None
    if found.validation and found.validation.folds and not found.test:
        pair = compare_out_of_fold(run, found.members, {winner: 1.0}, dataset)
    elif found.test or found.validation:
        pair = compare(run, members, single, dataset, split)
    return Versus(split, *pair, winner, _refit_beside(run, found.model, split)) if pair else None


def _on_validation_rows(
    run: RunDirectory, found: Alternative, members: Sequence[Member], dataset: Dataset
) -> Measurement | None:
    """The ensemble on the validation rows, with folds on those of all folds; None if it was trained on them."""
    temperature = temperature_in(run.models.ensemble_facts(), where=str(run.models.ensemble_path))
    every = measure_out_of_fold(run, found.members, dataset, temperature=temperature)
    if every or found.digest or not len(dataset.val):
        return every
    return measure_model(run, members, dataset, "val")
