"""Which trainings of a run's configurations with other seeds count."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.config.states import UNFINISHED
from fcsearch.results import RANKED_STATES, RunDirectory
from fcsearch.results.records import epochs_again


def trainings_that_count(run: RunDirectory) -> list[dict[str, Any]]:
    """The rows of `confirmations`, by trial and seed, without those that were made too early in their trials' lives.

    A trial that was unfinished when it was confirmed may have gone on since. What diverged diverges again.

    Raises:
        RunError: a part of the tables is damaged.
    """
    again = run.confirmations().to_pylist()
    if not again:
        return []
    trials = rows_of(run.trials(), {row["trial_id"] for row in again})
    return [row for row in again if row["trial_id"] in trials and _as_long(trials[row["trial_id"]], row)]


def rows_of(trials: pa.Table, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
    """The rows of some trials in the table of trials, by number; of those that have one."""
    wanted = pa.array(sorted(numbers), pa.int64())
    return {row["trial_id"]: row for row in trials.filter(pc.is_in(trials["trial_id"], wanted)).to_pylist()}


def _as_long(trial: Mapping[str, Any], again: Mapping[str, Any]) -> bool:
    """Whether a training with another seed was as long as its trial is now."""
    if again["state"] not in RANKED_STATES:
        return True
    whole = again["state"] == "complete" and trial["state"] != UNFINISHED
    return whole or bool(again["epochs_run"] == epochs_again(trial))
