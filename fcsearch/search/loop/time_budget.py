"""How a time budget is divided among the trials, what is trained again after them, and the report."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.data import Dataset
from fcsearch.errors import RunError
from fcsearch.results import RunDirectory, TrialRecord, rank_trials
from fcsearch.results.arrow import trials_table
from fcsearch.results.patience import patient, storage_wait
from fcsearch.search.loop.later_stages import Surroundings
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.extent import (
    BUDGET_SHARE,
    Extent,
    confirmation_extent,
    least_confirmed,
    refit_seconds,
    refits,
)
from fcsearch.search.record.outcomes import short_of_before

logger = logging.getLogger(__name__)

# What follows the last training, the ensemble and the report, takes about a second on small data, and longer on a busy
# machine, as the imports at the start do; of a time budget no larger share is left for it. Networks see the validation
# and test rows in it: eight of 256 units take 1,000 operations a byte, of which two cores do 50e9 a second.
_CLOSING_SECONDS, _CLOSING_IMPORTS, _CLOSING_SHARE = 1.0, 1.2, 0.25
_CLOSING_BYTES = 50e6
# A stage that has trained no epoch when the time budget is used up (its start took long) may take so much longer for a
# first one, or as long again as the budget if that is shorter.
_FIRST_EPOCH_SECONDS = 10.0


def end_of_training(options: SearchOptions, dataset: Dataset, began: float, imported: float) -> float | None:
    """When training must have ended, on the monotonic clock, for the report to be there as the time budget ends.

    Args:
        options: The user's options.
        dataset: What is learned.
        began: When the command began.
        imported: When it had imported its libraries, which tells how fast the machine is at present.
    """
    budget = options.time_budget
    if budget is None:
        return None
    measured = dataset.val.X.nbytes + dataset.test.X.nbytes
    closing = max(_CLOSING_SECONDS, _CLOSING_IMPORTS * (imported - began)) + measured / _CLOSING_BYTES
    return began + budget - min(closing, _CLOSING_SHARE * budget)


def end_of_trials(around: Surroundings, options: SearchOptions, dataset: Dataset) -> float | None:
    """When trials must have ended: a part of the time budget is reserved for later stages, if there may be any."""
    if around.deadline is None or options.time_budget is None or not (options.confirm or refits(options, dataset)):
        return around.deadline
    return around.deadline - BUDGET_SHARE * options.time_budget


def later_end_of_trials(
    around: Surroundings, options: SearchOptions, dataset: Dataset, training: Sequence[TrialRecord]
) -> float | None:
    """When trials must have ended, now that their time is up: if nothing follows, they get the time kept for it.

    Args:
        around: The run, and when all training must have ended.
        options: The user's options.
        dataset: What is learned.
        training: The trials of packs in training, as far as they are.

    Returns:
        None if they end now, as something may follow, or as the run cannot be read: it is not waited for.
    """
    if around.deadline is None or options.confirm != "auto" or refits(options, dataset) or storage_wait() is not None:
        return None
    try:
        with patient(None):
            table, workers = _trials_if_left_now(around.run, training), around.run.manifest().workers or 1
    except RunError as error:
        logger.warning("whether something follows the trials is not known, so they end: %s", error)
        return None
    follows = confirmation_extent(options, rank_trials(table).to_pylist(), table.to_pylist(), dataset, workers=workers)
    return None if follows else around.deadline


def _trials_if_left_now(run: RunDirectory, training: Sequence[TrialRecord]) -> pa.Table:
    """The table of trials as it would be if the packs in training were left now."""
    table, short = run.trials(), short_of_before(training, run.unfinished_trials())
    # Whichever pack they are in.
    now = trials_table(0, [trial for trial in training if trial.trial_id not in short])
    others = table.filter(pc.invert(pc.is_in(table["trial_id"], value_set=now["trial_id"].combine_chunks())))
    return pa.concat_tables([others, now])


def leaving_the_refit(around: Surroundings, options: SearchOptions, dataset: Dataset, extent: Extent) -> Surroundings:
    """The surroundings of a confirmation: of a time budget it leaves the refit its time, where one follows.

    That is half of what is left at most: a confirmation that was asked for is not left out for it, and may take all of
    it for a first epoch.
    """
    if around.deadline is None or not refits(options, dataset):
        return around
    rows = [row for row in around.run.trials().to_pylist() if row["trial_id"] in extent.trials]
    left = max(0.0, around.deadline - time.monotonic())
    kept = min(refit_seconds(rows, dataset), left / 2)
    return dataclasses.replace(around, deadline=around.deadline - kept, grace=kept + around.grace)


def left_for_confirmation(around: Surroundings, options: SearchOptions, dataset: Dataset) -> float:
    """Seconds that the time budget has left for a confirmation of the best, where it decides whether there is one.

    0 if it is used up, or does not decide.
    """
    if around.deadline is None or options.confirm != "auto":
        return 0.0
    ranked = rank_trials(around.run.trials()).to_pylist()
    left = around.deadline - time.monotonic()
    if refits(options, dataset):
        least = least_confirmed(ranked)
        left -= refit_seconds([row for row in ranked if row["trial_id"] in least], dataset)
        # Those of the ensemble follow it, side by side.
        if dataset.others and options.ensemble:
            left -= refit_seconds(ranked[: options.ensemble], dataset)
    return max(0.0, left)


def grace_of(options: SearchOptions) -> float:
    """Seconds after its time is up in which a stage of a search may still train a first epoch."""
    return min(_FIRST_EPOCH_SECONDS, options.time_budget or 0.0)
