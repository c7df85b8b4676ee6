"""A run as a comparison needs it."""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.config.objective import DEFAULT_OBJECTIVES, OBJECTIVES, Objective
from fcsearch.config.states import UNFINISHED
from fcsearch.results import RANKED_STATES, Manifest, RunDirectory, objective_of
from fcsearch.results.manifest import ObservationsEntry, RunState
from fcsearch.results.timing import work_clock
from fcsearch.selection import Confirmed, confirmation_of
from fcsearch.selection.confirmation import rows_measured_on

_COLUMNS = ("trial_id", "state", "started_at", "finished_at", "val_standard_error")


@dataclass(frozen=True)
class Done:
    """A trial that is done.

    Attributes:
        trial_id: Its number.
        gain: Its objective, as a number of which more is better; minus infinity where it has no result.
        seconds: When it was done, in seconds of the run's work; None if the run does not say.
        error: The objective's standard error over the folds; None without folds.
        unfinished: Whether it was in training when its search ended.
        began: When its pack began, in seconds of the run's work; None if the run does not say, or if it was in a later
            session than the first: the trial may have epochs of an earlier one.
        early: Whether the objective is that of an earlier epoch than its best.
    """

    trial_id: int
    gain: float
    seconds: float | None
    error: float | None = None
    unfinished: bool = False
    began: float | None = None
    early: bool = False


@dataclass(frozen=True)
class Contestant:
    """A run that is compared.

    Attributes:
        label: What it is called here, such as `runs/dropout`.
        directory: Where it lies.
        state: Its state, as `RunDirectory.state` knows it.
        manifest: What is known of it.
        objective: What its search went by.
        trials: Those that are done, or count as far as they were trained, in the order in which they were asked for.
        confirmed: Its winner over several seeds; None if none is known yet.
        rows: How many rows a figure is measured on; None if the run does not say.
    """

    label: str
    directory: RunDirectory
    state: RunState
    manifest: Manifest
    objective: Objective
    trials: tuple[Done, ...]
    confirmed: Confirmed | None
    rows: int | None

    @property
    def told(self) -> ObservationsEntry | None:
        """The trials of an earlier run that its sampler was told at the start; None if there are none."""
        found = self.manifest.observations
        return found if found and found.used else None

    @property
    def seconds(self) -> float | None:
        """When its last trial was done, in seconds of its work; None if there is none, or the run does not say."""
        known = [trial.seconds for trial in self.trials if trial.seconds is not None]
        return max(known) if known and len(known) == len(self.trials) else None

    def error_of(self, trial_id: int) -> float | None:
        """The standard error of a trial's objective over the folds; None without folds."""
        return next((trial.error for trial in self.trials if trial.trial_id == trial_id), None)

    def within(self, seconds: float) -> tuple[Done, ...]:
        """The trials as they were then: those that were done, and those in training with their best epochs by then."""
        found = {t.trial_id: t for t in self.trials if t.seconds is not None and t.seconds <= seconds}
        if training := self.in_training(seconds):
            found |= _reached_by(seconds, training, self.directory, self.objective)
        return tuple(found[trial.trial_id] for trial in self.trials if trial.trial_id in found)

    def in_training(self, seconds: float) -> list[Done]:
        """The trials that had begun by then, and were not done."""
        known = [(trial, trial.began, trial.seconds) for trial in self.trials]
        return [t for t, began, ended in known if began is not None and ended is not None and began < seconds < ended]


def read_contestant(path: Path) -> Contestant:
    """Read a run; RunError if there is none, or it is damaged."""
    run = RunDirectory.open(path)
    manifest, table, found = run.manifest(), run.trials(), confirmation_of(run)
    objective = _objective(table, manifest)
    return Contestant(
        label=str(path),
        directory=run,
        state=run.state(),
        manifest=manifest,
        objective=objective,
        trials=_trials(table, manifest, objective),
        confirmed=found.winner if found and found.complete else None,
        rows=rows_measured_on(run),
    )


def gains(trials: Sequence[Done]) -> npt.NDArray[np.float64]:
    """The gains of trials (N,)."""
    return np.array([trial.gain for trial in trials], dtype=np.float64)


def _objective(table: pa.Table, manifest: Manifest) -> Objective:
    """What its search went by; before a trial was measured, what it is to go by."""
    if pc.any(pc.not_equal(table["state"], "failed")).as_py():
        return objective_of(table)
    task = manifest.dataset.task if manifest.dataset else "classification"
    return OBJECTIVES[(manifest.space or {}).get("objective") or DEFAULT_OBJECTIVES[task]]


def _reached_by(seconds: float, training: Sequence[Done], run: RunDirectory, objective: Objective) -> dict[int, Done]:
    """Trials as they were while they were in training, by number; those without a measured epoch are left out.

    The time of a pack is divided among its epochs as each of its trials had them.

    Args:
        seconds: When, in seconds of the run's work: after they began, and before they were done.
        training: The trials.
        run: Has their epochs.
        objective: What the search went by.
    """
    table = run.epochs().select(["trial_id", "seconds", objective.column])
    numbers = pa.array([trial.trial_id for trial in training], pa.int64())
    epochs: dict[int, list[tuple[float, float | None]]] = defaultdict(list)
    for row in table.filter(pc.is_in(table["trial_id"], value_set=numbers)).to_pylist():
        epochs[row["trial_id"]].append((row["seconds"] or 0.0, row[objective.column]))
    found = {}
    for trial in training:
        shares = np.cumsum([share for share, _ in epochs[trial.trial_id]])
        began, ended = trial.began or 0.0, trial.seconds or 0.0
        there = int((began + (ended - began) * shares / shares[-1] <= seconds).sum()) if shares.sum() else 0
        gained = [objective.gain(value) for _, value in epochs[trial.trial_id][:there] if value is not None]
        if gained:
            early = max(gained) != trial.gain
            error = None if early else trial.error
            found[trial.trial_id] = dataclasses.replace(trial, gain=max(gained), error=error, early=early)
    return found


def _trials(table: pa.Table, manifest: Manifest, objective: Objective) -> tuple[Done, ...]:
    rows = table.select([*_COLUMNS, objective.column]).to_pylist()
    packs = [(row["started_at"], row["finished_at"]) for row in rows if row["started_at"] and row["finished_at"]]
    clock = work_clock(manifest, packs)
    resumed_at = manifest.sessions[1].started_at if len(manifest.sessions) > 1 else None

    def done(row: dict[str, Any]) -> Done:
        value, began, finished = row[objective.column], row["started_at"], row["finished_at"]
        counts = row["state"] in RANKED_STATES and value is not None
        first = resumed_at is None or (began is not None and began < resumed_at)
        return Done(
            row["trial_id"],
            objective.gain(value) if counts else -math.inf,
            clock.seconds(finished) if clock and finished else None,
            row["val_standard_error"],
            row["state"] == UNFINISHED,
            clock.seconds(began) if clock and began and first else None,
        )

    return tuple(done(row) for row in rows)
