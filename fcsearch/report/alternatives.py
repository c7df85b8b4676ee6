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
from fcsearch.selection import load_members

NOT_YET_MEASURED = "it is measured when the run has ended"

LoadDataset = Callable[[], Dataset]


def known_alternative(stored: Mapping[str, Any], model: str) -> Alternative | None:
    """What the last report.json says of a model; None if it says nothing."""
    try:
        return Alternative.from_json(stored[model])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def ensemble_of(
    run: RunDirectory, winner: int, load: LoadDataset | None, known: Alternative | None
) -> Alternative | None:
    """The run's ensemble beside the winner; None if there is none, or where it is the winner alone.

    Args:
        run: The run directory.
        winner: The trial whose network is the winner.
        load: Loads the run's dataset; None: only what is known is said.
        known: What was measured before. It is not measured again.

    Raises:
        RunError: what says which networks are in it is damaged.
    """
    members = run.models.ensemble()
    if set(members) <= {winner}:
        return None
    if known and known.members == members and known.note is None:
        return known
    return _measured(run, Alternative("ensemble", members), winner, load)


def refit_of(run: RunDirectory, winner: int, load: LoadDataset | None, known: Alternative | None) -> Alternative | None:
    """The network that was fitted again, beside the winner; arguments as `ensemble_of`.

    One that was fitted again since it was measured is measured again.
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
        members, single = load_members(run, found.model), load_members(run, str(winner))
        # The refit has learned from the validation rows.
        splits = ("val", "test") if found.model == "ensemble" else ("test",)
        there = [name for name in splits if len(getattr(dataset, name))]
        measured = {name: measure_model(run, members, dataset, name) for name in there}
        versus = Versus(there[-1], *compare(run, members, single, dataset, there[-1])) if there else None
    except (DataError, RunError) as error:
        return dataclasses.replace(found, note=str(error))
    return dataclasses.replace(found, validation=measured.get("val"), test=measured.get("test"), versus=versus)
