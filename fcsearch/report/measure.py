"""The models of a run, measured for its report. A report that finds all of them measured does without torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from torch import Tensor

from fcsearch.data import Dataset
from fcsearch.evaluation import Measurement, measure, measure_model, measure_out_of_fold
from fcsearch.evaluation.measuring import measure_and_score
from fcsearch.evaluation.out_of_fold import compare_out_of_fold
from fcsearch.evaluation.pairs import Pair, compare
from fcsearch.report.measured import Alternative, Versus
from fcsearch.results import RunDirectory
from fcsearch.selection import Member, answering_refit, load_members
from fcsearch.selection.calibration import temperature_in


def chosen_on_validation_rows(run: RunDirectory, chosen: int, dataset: Dataset) -> Measurement:
    """The chosen trial on the validation rows: with folds on those of all of them, where its predictions were kept.

    Raises:
        DataError: the dataset does not fit the network.
        RunError: the network was not kept or is damaged.
    """
    facts = run.models.metadata(chosen)
    temperature = temperature_in(facts, where=str(run.models.path(chosen)))
    found = measure_out_of_fold(run, {chosen: 1.0}, dataset, temperature=temperature)
    return found or measure(run, chosen, dataset, "val")


def chosen_on_test_rows(run: RunDirectory, chosen: int, dataset: Dataset, *, refit: bool) -> Measurement:
    """The chosen trial's network, or its refit, on the test rows; errors as `chosen_on_validation_rows`."""
    return measure_model(run, load_members(run, "refit" if refit else str(chosen)), dataset, "test")


def alternative_on_its_rows(run: RunDirectory, found: Alternative, winner: int, dataset: Dataset) -> Alternative:
    """A model that can be used instead of the winner, measured, and compared with it.

    Raises:
        DataError: the dataset does not fit the models.
        RunError: one of them was not kept or is damaged.
    """
    members = load_members(run, found.model)
    # The refit was trained on the validation rows.
    validation = _ensemble_on_validation_rows(run, found, members, dataset) if found.model == "ensemble" else None
    test, scores = measure_and_score(run, members, dataset, "test") if len(dataset.test) else (None, None)
    found = dataclasses.replace(found, validation=validation, test=test)
    return dataclasses.replace(found, versus=_versus(run, found, members, winner, dataset, scores))


def compared_with_winner(run: RunDirectory, found: Alternative, winner: int, dataset: Dataset) -> Alternative:
    """A model that was measured, compared with another winner; errors as `alternative_on_its_rows`."""
    return dataclasses.replace(found, versus=_versus(run, found, load_members(run, found.model), winner, dataset))


def _versus(
    run: RunDirectory,
    found: Alternative,
    members: Sequence[Member],
    winner: int,
    dataset: Dataset,
    test_scores: Tensor | None = None,
) -> Versus | None:
    """A measured model beside the winner, on the test rows, else on the validation rows; None without either."""
    split = "test" if found.test else "val"
    refit = answering_refit(run) if found.is_beside_refit(split) else None
    # The ensemble stands beside the network that it would be used in place of, the refit beside the trial's own.
    single = load_members(run, None if found.model == "ensemble" else str(winner))
    pair: Pair | None = None
    if found.validation and found.validation.folds and not found.test:
        pair = compare_out_of_fold(run, found.members, {winner: 1.0}, dataset)
    elif found.test or found.validation:
        pair = compare(run, members, single, dataset, split, scores=test_scores if found.test else None)
    return Versus(split, *pair, winner, refit) if pair else None


def _ensemble_on_validation_rows(
    run: RunDirectory, found: Alternative, members: Sequence[Member], dataset: Dataset
) -> Measurement | None:
    """The ensemble on the validation rows, with folds on those of all folds; None if it was trained on them."""
    temperature = temperature_in(run.models.ensemble_facts(), where=str(run.models.ensemble_path))
    every = measure_out_of_fold(run, found.members, dataset, temperature=temperature)
    if every or found.digest or not len(dataset.val):
        return every
    return measure_model(run, members, dataset, "val")
