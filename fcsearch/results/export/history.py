"""Each trial with its learning curve, as programs that track experiments want it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from fcsearch.config import HYPERPARAMETERS
from fcsearch.errors import RunError
from fcsearch.results.directory import RunDirectory
from fcsearch.wording import option

Value = str | int | float

_NOT_RESULTS = {"trial_id", "pack_id", "seed", *HYPERPARAMETERS}
_NOT_CURVES = {"trial_id", "epoch"}
_LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclasses.dataclass(frozen=True)
class Epoch:
    """An epoch of a trial.

    Attributes:
        number: From 1.
        time: Seconds since 1970; between the trial's start and its end, by the epoch's place among the others.
        figures: What is known at its end, such as `val_accuracy`; nothing that is not finite.
    """

    number: int
    time: float
    figures: dict[str, float]


@dataclasses.dataclass(frozen=True)
class History:
    """A trial.

    Attributes:
        trial_id: Its number.
        state: What became of it.
        parameters: Its configuration and its seed, without what it does not read; widths are text, as `256-128`.
        results: Its figures at its best epoch, its size, its time, as `result/val_accuracy`; nothing that is not known.
        started: When its pack started to train.
        finished: When it left its pack.
        error: Why it failed.
        epochs: In order.
    """

    trial_id: int
    state: str
    parameters: dict[str, Value]
    results: dict[str, float]
    started: datetime
    finished: datetime
    error: str | None
    epochs: tuple[Epoch, ...]

    @property
    def name(self) -> str:
        """Names of trials sort as their numbers do."""
        return f"trial-{self.trial_id:06d}"


def histories(run: RunDirectory) -> Iterator[History]:
    """Every trial with a row, by number."""
    trials, epochs = run.trials(), run.epochs()
    ids = epochs["trial_id"].to_numpy()
    for row in trials.to_pylist():
        first, last = np.searchsorted(ids, [row["trial_id"], row["trial_id"] + 1])
        started = row["started_at"] or row["finished_at"] or _LONG_AGO
        finished = row["finished_at"] or started
        names = [name for name in ("seed", *HYPERPARAMETERS) if row[name] is not None]
        yield History(
            trial_id=row["trial_id"],
            state=row["state"],
            parameters={name: _value(row[name]) for name in names},
            results={f"result/{name}": value for name, value in _numbers(row, _NOT_RESULTS).items()},
            started=started,
            finished=finished,
            error=row["error"],
            epochs=_epochs(epochs.slice(first, last - first), started, finished),
        )


def require_free(run: RunDirectory, taken: bool, where: Path) -> None:
    """RunError where the run was exported to this place before: it would be there twice."""
    if taken:
        raise RunError(
            f"{where} must not hold the run {run_name(run)} yet; found it there; remove it, or choose another place "
            f"with {option('out')}"
        )


def run_name(run: RunDirectory) -> str:
    """What the run is called: the name of its folder."""
    return run.path.resolve().name


def _epochs(table: pa.Table, started: datetime, finished: datetime) -> tuple[Epoch, ...]:
    rows = table.to_pylist()
    begin, span = started.timestamp(), (finished - started).total_seconds()
    return tuple(
        Epoch(row["epoch"], begin + span * place / len(rows), _numbers(row, _NOT_CURVES))
        for place, row in enumerate(rows, 1)
    )


def _numbers(row: dict[str, object], without: set[str]) -> dict[str, float]:
    return {name: value for name, value in row.items() if isinstance(value, int | float) and name not in without}


def _value(value: object) -> Value:
    if isinstance(value, list):
        return "-".join(map(str, value))
    return value if isinstance(value, str | int | float) else str(value)
