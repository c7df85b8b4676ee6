"""The ensemble and the refit beside the single winner: each measured on the test rows once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from fcsearch.data import Dataset
from fcsearch.errors import DataError, RunError
from fcsearch.report.measured import NOT_YET_MEASURED, Alternative
from fcsearch.results import RunDirectory
from fcsearch.selection import answering_refit, ensemble_answers_by_refit

LoadDataset = Callable[[], Dataset]


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
    # Imported where something is measured: with torch it takes longer than all of a finished run's report.
    from fcsearch.report.measure import alternative_on_its_rows

    try:
        return alternative_on_its_rows(run, found, winner, load())
    except (DataError, RunError) as error:
        return dataclasses.replace(found, note=str(error))


def _compared_with(run: RunDirectory, known: Alternative, winner: int, load: LoadDataset | None) -> Alternative:
    """What was measured, compared with this winner: another may have been the winner at that time."""
    versus = known.versus
    if versus is None:
        return known
    if versus.is_with(winner, answering_refit(run) if known.is_beside_refit(versus.split) else None):
        return known
    # An earlier version did not say with which: that is kept where nothing better can be had.
    kept = known if versus.trial_id is None else dataclasses.replace(known, versus=None)
    if load is None:
        return kept
    from fcsearch.report.measure import compared_with_winner

    try:
        return compared_with_winner(run, known, winner, load())
    except (DataError, RunError):
        return kept
