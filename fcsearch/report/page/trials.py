"""A run's trials and their learning curves for the page: columns of JSON, the best trial first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fcsearch.config.objective import Objective
from fcsearch.config.states import UNFINISHED
from fcsearch.privacy import Privacy
from fcsearch.report.words import value_text
from fcsearch.results import RANKED_STATES, Manifest
from fcsearch.results.timing import WorkClock, work_clock

# Digits of numbers in the page; the tables of the run have full precision.
_DIGITS = 5
# Points of all curves together: about a megabyte.
_CURVE_POINTS = 120_000
_POINTS_OF_A_CURVE = 60
_UNITS = (("seconds", 1.0), ("minutes", 60.0), ("hours", 3600.0))
_MOST_UNITS = 180


@dataclass(frozen=True)
class Clock:
    """The page's time scale: working time since the first trial's start, in a unit that suits the run.

    Attributes:
        start: That moment; None before there is any trial.
        unit: Its name, such as `minutes`.
        seconds: Seconds per unit.
        work: Leaves out the pauses between sessions; None if the run does not say when it was started.
    """

    start: datetime | None
    unit: str
    seconds: float
    work: WorkClock | None = None

    @property
    def title(self) -> str:
        """Of an axis."""
        return f"{self.unit} since the start"

    def told(self, moment: datetime) -> float:
        """A moment by this clock."""
        start = self.start or moment
        if self.work is None:
            return (moment - start).total_seconds() / self.seconds
        return (self.work.seconds(moment) - self.work.seconds(start)) / self.seconds


def clock_of(trials: pa.Table, manifest: Manifest) -> Clock:
    """The clock of a run."""
    spans = zip(trials["started_at"].to_pylist(), trials["finished_at"].to_pylist(), strict=True)
    packs = [(began, ended) for began, ended in spans if began and ended]
    work = work_clock(manifest, packs)
    start = min((began for began, _ in packs), key=work.seconds if work else None, default=None)
    whole = Clock(start, "seconds", 1.0, work)
    span = max((whole.told(ended) for _, ended in packs), default=0.0)
    unit, seconds = next(((name, size) for name, size in _UNITS if span < _MOST_UNITS * size), _UNITS[-1])
    return replace(whole, unit=unit, seconds=seconds)


@dataclass(frozen=True)
class PageTrials:
    """The trials, by column; each column has a value, or None, for every trial, the best first.

    Attributes:
        columns: `trial`, `state`, `why` (it stopped), `value` (of the objective), `training`, `best_epoch`,
            `epochs_run`, `size` (weights and biases), `seconds` (of training), `at` (when it ended, by the clock),
            `gap` if dropout varied (how much better it is on training rows than on validation rows), and each
            parameter that varied.
        parameters: Names of the parameters that varied.
        clock: The page's time scale.
    """

    columns: dict[str, list[Any]]
    parameters: tuple[str, ...]
    clock: Clock

    def __len__(self) -> int:
        return len(self.columns["trial"])

    def rows(self, *names: str, ranked: bool = False) -> Iterator[dict[str, Any]]:
        """Each trial as a dict with these columns; `ranked`: only those that have a result."""
        columns = [self.columns[name] for name in names]
        for values, result in zip(zip(*columns, strict=True), self.columns["value"], strict=True):
            if result is not None or not ranked:
                yield dict(zip(names, values, strict=True))

    def values(self, name: str) -> list[Any]:
        """A column of the trials that have a result, without missing values."""
        pairs = zip(self.columns[name], self.columns["value"], strict=True)
        return [value for value, result in pairs if value is not None and result is not None]


def page_trials(
    table: pa.Table, manifest: Manifest, objective: Objective, parameters: Sequence[str], privacy: Privacy
) -> PageTrials:
    """The trials of a run for its page.

    Args:
        table: The trials table.
        manifest: The run's manifest.
        objective: The run's objective.
        parameters: Those to have columns.
        privacy: Hides what the reasons of failures must not tell.
    """
    states = table["state"].to_pylist()
    results = [
        value if state in RANKED_STATES else None
        for value, state in zip(table[objective.column].to_pylist(), states, strict=True)
    ]
    losses = [math.inf if loss is None else loss for loss in table["val_loss"].to_pylist()]
    numbers = table["trial_id"].to_pylist()
    gains = [-math.inf if value is None else objective.gain(value) for value in results]
    order = sorted(range(len(numbers)), key=lambda place: (-gains[place], losses[place], numbers[place]))
    clock = clock_of(table, manifest)
    plain = {
        "trial": numbers,
        "state": states,
        "why": _reasons(table, states, privacy),
        "value": _rounded(results),
        "training": _rounded(table[objective.train_column].to_pylist()),
        "best_epoch": table["best_epoch"].to_pylist(),
        "epochs_run": table["epochs_run"].to_pylist(),
        "size": table["num_parameters"].to_pylist(),
        "seconds": _rounded(table["train_seconds"].to_pylist(), 3),
        "at": _rounded([None if end is None else clock.told(end) for end in table["finished_at"].to_pylist()]),
        **({"gap": _gaps(table, objective.own)} if "dropout" in parameters else {}),
        **{name: [_plain(value) for value in table[name].to_pylist()] for name in parameters},
    }
    columns = {name: [values[place] for place in order] for name, values in plain.items()}
    return PageTrials(columns, tuple(parameters), clock)


def _gaps(table: pa.Table, own: Objective) -> list[float | None]:
    """How much better each trial is on the training rows, by the figure that both have."""
    pairs = zip(table[own.train_column].to_pylist(), table[own.column].to_pylist(), strict=True)
    return _rounded([None if None in pair else own.gain(pair[0]) - own.gain(pair[1]) for pair in pairs])


def curves(epochs: pa.Table, objective: Objective, order: Sequence[int]) -> dict[int, dict[str, list[Any]]]:
    """Learning curves by trial: `epoch`, `value`, the `training` figure of the task, and `loss`.

    Long curves are thinned; if there is no room for all trials, the first ones have it.

    Args:
        epochs: The epochs table.
        objective: The run's objective.
        order: The trials, the most important curves first.
    """
    own = objective is objective.own
    names = ["epoch", objective.column, *([objective.train_column] if own else []), "val_loss", "train_loss"]
    keys = ["epoch", "value", *(["training"] if own else []), "loss", "training_loss"]
    ids = epochs["trial_id"].to_numpy()
    sorting = np.lexsort((epochs["epoch"].to_numpy(), ids))
    columns = [_numbers(epochs[name])[sorting] for name in names]
    found, starts, counts = np.unique(ids[sorting], return_index=True, return_counts=True)
    bounds = dict(zip(found.tolist(), zip(starts, starts + counts, strict=True), strict=True))
    left = _CURVE_POINTS
    kept: dict[int, dict[str, list[Any]]] = {}
    for trial in order:
        if trial not in bounds or left <= 0:
            continue
        start, end = bounds[trial]
        places = _thinned(start, end, columns[1], objective)
        left -= len(places) * (len(names) - 1)
        kept[trial] = {key: _rounded(column[places].tolist()) for key, column in zip(keys, columns, strict=True)}
        kept[trial]["epoch"] = columns[0][places].astype(int).tolist()
    return kept


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = column.cast(pa.float64()).to_numpy()
    return values


def _thinned(start: int, end: int, values: npt.NDArray[np.float64], objective: Objective) -> npt.NDArray[np.int64]:
    """A limited number of places on a curve, including its ends and its best."""
    places = np.unique(np.linspace(start, end - 1, min(end - start, _POINTS_OF_A_CURVE)).round().astype(np.int64))
    part = values[start:end]
    if np.isfinite(part).any():
        best = np.nanargmax(part) if objective.maximize else np.nanargmin(part)
        places = np.union1d(places, [start + best])
    return places


def _reasons(table: pa.Table, states: Sequence[str], privacy: Privacy) -> list[str]:
    """Why each trial ended."""
    columns = zip(*(table[name].to_pylist() for name in ("epochs_run", "epochs", "error")), states, strict=True)
    words = {
        "complete": "ran all its epochs",
        "stopped": "early stopping: behind the others",
        UNFINISHED: "the search ended",
    }
    reasons = []
    for ran, planned, error, state in columns:
        at = f" after epoch {ran} of {planned}" if ran is not None and planned is not None else ""
        if state == "failed":
            reasons.append(privacy.of(error or "failed"))
        elif state == "diverged":
            reasons.append(f"its loss was no longer finite{at}")
        else:
            reasons.append(words.get(state, state) + (at if state in ("stopped", UNFINISHED) else ""))
    return reasons


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return value_text(value)
    return _round(value, _DIGITS) if isinstance(value, float) else value


def _rounded(values: Sequence[float | None], digits: int = _DIGITS) -> list[float | None]:
    return [None if value is None else _round(value, digits) for value in values]


def _round(value: float, digits: int) -> float | None:
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None
