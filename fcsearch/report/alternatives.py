"""The ensemble and the refit beside the single winner: each measured on the test rows once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from fcsearch.data import Dataset
from fcsearch.errors import DataError, RunError
from fcsearch.evaluation.measuring import measure_model
from fcsearch.evaluation.pairs import compare
from fcsearch.report.measured import Alternative, Versus
from fcsearch.results import RunDirectory
from fcsearch.selection import answers_by_refit, load_members

NOT_YET_MEASURED = "it is measured once the run has ended"

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
    """The run's ensemble beside the winner; None if there is none, or if it is only the winner.

    Args:
        run: The run directory.
        winner: The trial whose network is the winner.
        load: Loads the run's dataset; None: nothing is measured, and only earlier measurements are used.
        known: What was measured before. It is not measured again.

    Raises:
        RunError: the ensemble's file is damaged.
    """
    members = run.models.ensemble()
    if set(members) <= {winner}:
        return None
    found = Alternative("ensemble", members, digest=run.models.refit_digest() if answers_by_refit(run) else None)
    if known and (known.members, known.digest, known.note) == (members, found.digest, None):
        return known
    return _measured(run, found, winner, load)


def refit_of(run: RunDirectory, winner: int, load: LoadDataset | None, known: Alternative | None) -> Alternative | None:
    """The refit beside the winner; arguments as `ensemble_of`.

    A refit that is newer than its measurement is measured again.
    """
    if not run.models.refit_path.is_file():
        return None
    try:
        found = Alternative("refit", {winner: 1.0}, digest=run.models.refit_digest())
    except RunError as error:
        return Alternative("refit", {winner: 1.0}, note=str(error))
    if known and (known.members, known.digest, known.note) == (found.members, found.digest, None):
        return known
    return _measured(run, found, winner, load)


def _measured(run: RunDirectory, found: Alternative, winner: int, load: LoadDataset | None) -> Alternative:
    if load is None:
        return dataclasses.replace(found, note=NOT_YET_MEASURED)
    try:
        dataset = load()
        members = load_members(run, found.model)
        # The refit was trained on the validation rows.
        splits = ("val", "test") if found.model == "ensemble" else ("test",)
        there = [name for name in splits if len(getattr(dataset, name))]
        measured = {name: measure_model(run, members, dataset, name) for name in there}
        # Beside the network that the ensemble would be used in place of, where it did not learn those rows.
        again = found.model == "ensemble" and found.digest is not None and there[-1:] == ["test"]
        single = load_members(run, "refit" if again else str(winner))
        versus = Versus(there[-1], *compare(run, members, single, dataset, there[-1])) if there else None
    except (DataError, RunError) as error:
        return dataclasses.replace(found, note=str(error))
    return dataclasses.replace(found, validation=measured.get("val"), test=measured.get("test"), versus=versus)
