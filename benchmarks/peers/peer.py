"""What the peers have in common: their options, the rows, and the line of JSON that they print."""

from __future__ import annotations

import dataclasses
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from fcsearch.data import load_dataset
from fcsearch.machine import available_cores
from fcsearch.space import SearchSpace, load_space

BEGAN = time.time()

# What happened to a trial: seconds since the epoch of its start and its end, and its best validation score, None if it
# has none.
TrialRecord = tuple[float, float, float | None]


@dataclasses.dataclass(frozen=True)
class Task:
    """What a peer is asked to do.

    Attributes:
        space: What is searched; the peers sample it with `SearchSpace.suggest`, so all search the same.
        trials: How many trials; None: until the time is up.
        seed: Of the sampler and of every trial.
        device: `cpu` or `cuda`.
        slots: Trials that train at a time, a process each with one thread.
        time_budget: Seconds since the process began; None: no end.
        early_stopping: Stop trials early, by the space's own rule.
        trace: Where improvements are written down, with their test scores; None: nowhere.
    """

    space: SearchSpace
    trials: int | None
    seed: int
    device: str
    slots: int
    time_budget: float | None
    early_stopping: bool
    trace: Path | None = None

    @property
    def seconds_left(self) -> float | None:
        """What is left of the time budget."""
        return None if self.time_budget is None else max(0.1, BEGAN + self.time_budget - time.time())

    def parameters(self, trial: Any) -> dict[str, Any]:
        """A configuration for an Optuna trial, and the seed."""
        return {**self.space.suggest(trial), "seed": self.seed}

    def arrays(self) -> dict[str, np.ndarray]:
        """The rows that fcsearch trains on: X_* (N, D) float32; y_* (N,) int64, or standardized targets as float32."""
        dataset = load_dataset(self.space.dataset)
        target = dataset.transform.target
        arrays = {"target_scale": np.array(1.0 if target is None else target.scale, np.float32)}
        for name, split in (("train", dataset.train), ("val", dataset.val), ("test", dataset.test)):
            arrays |= {f"X_{name}": split.X, f"y_{name}": dataset.labels(split)}
        return arrays


_OPTIONS = (
    click.option("--space", type=click.Path(path_type=Path, exists=True), required=True, help="A space file."),
    click.option("--trials", type=click.IntRange(min=1), help="How many trials. Default: until the time is up."),
    click.option("--time-budget", type=click.FloatRange(min=0), help="Seconds, start-up included."),
    click.option("--seed", default=0, show_default=True),
    click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True),
    click.option("--slots", type=click.IntRange(min=1), help="Trials that train at a time. Default: the cores."),
    click.option("--early-stopping", is_flag=True, help="Stop trials by the space's early_stopping."),
    click.option("--trace", type=click.Path(path_type=Path), help="A file of improvements and their test scores."),
)


def task_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that every peer has."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def make_task(space: Path, slots: int | None, **options: Any) -> Task:
    """The task that the options of `task_options` describe. From here on SIGTERM ends a peer as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    task = Task(space=load_space(space), slots=slots or available_cores(), **options)
    if task.trials is None and task.time_budget is None:
        raise click.UsageError("a peer must know when to end; give --trials or --time-budget")
    if task.early_stopping and task.space.early_stopping is None:
        raise click.UsageError("--early-stopping needs a space that has early_stopping")
    return task


def print_trials(trials: list[TrialRecord]) -> None:
    """Print what became of the trials: the last line of a peer's output."""
    print(json.dumps({"trials": trials}))
