"""Optuna alone and DEHB, replayed on a table of learning curves: one training at a time on each worker.

DEHB is not among the packages that this project needs; whoever replays it installs `dehb`.
"""

from __future__ import annotations

import heapq
import itertools
import math
import tempfile
from collections.abc import Hashable, Mapping
from typing import Any, Protocol

import numpy as np
import optuna
from curve_table import CurveTable
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import BasePruner
from optuna.trial import Trial, TrialState
from replayed_search import WORKERS, Course, RowStudy, new_study

_DEHB_EPOCHS = (3, 30)  # the least and the most that it is told of


class Training(Protocol):
    """A row in training.

    Attributes:
        row: The row.
        seconds: Of its next step.
        best: Its best gain so far.
    """

    row: int
    seconds: float
    best: float

    def step(self) -> bool:
        """Train on, and tell the searcher; whether that was the last step."""


class Searcher(Protocol):
    """Suggests what to train."""

    def begin(self) -> Training | None:
        """The next; None: the table has no more. Takes no simulated time."""


def replay_peer(searcher: Searcher, *, seconds: float) -> Course:
    """Search for so many simulated seconds."""
    times, gains, ended = list[float](), list[float](), set[int]()
    running: list[tuple[float, int, Training]] = []
    numbers = itertools.count()

    def begin(now: float) -> None:
        training = searcher.begin()
        if training is not None:
            heapq.heappush(running, (now + training.seconds, next(numbers), training))

    for _ in range(WORKERS):
        begin(0.0)
    while running:
        now, number, training = heapq.heappop(running)
        if now > seconds:
            break
        if not training.step():
            heapq.heappush(running, (now + training.seconds, number, training))
            continue
        ended.add(training.row)
        if not gains or training.best > gains[-1]:
            times.append(now)
            gains.append(training.best)
        begin(now)
    return Course(tuple(times), tuple(gains), len(ended))


class OptunaAlone:
    """Optuna's TPE with its defaults, and a pruner that is asked after each epoch."""

    def __init__(self, table: CurveTable, pruner: BasePruner, seed: int) -> None:
        self._table = table
        self._study = new_study(table, seed, pruner)
        self._rows = RowStudy(table, optuna.samplers.TPESampler(seed=seed), self._study, seed)

    def begin(self) -> Training | None:
        """See `Searcher`."""
        if not self._rows.left:
            return None
        trial, row, _ = self._rows.ask()
        return _Epochs(self._study, trial, self._table, row)


class _Epochs:
    """A trial of Optuna's, epoch by epoch."""

    def __init__(self, study: optuna.Study, trial: Trial, table: CurveTable, row: int) -> None:
        self.row, self.seconds, self.best = row, table.seconds[row], -math.inf
        self._study, self._trial, self._table = study, trial, table
        self._epoch = 0

    def step(self) -> bool:
        """See `Training`."""
        curve, gain = self._table.curves[self.row], self._table.objective.gain
        self._epoch += 1
        if self._epoch > len(curve):
            self._study.tell(self._trial, state=TrialState.PRUNED)
            return True
        value = curve[self._epoch - 1]
        self.best = max(self.best, gain(value))
        if self._epoch == self._table.configs[self.row].epochs:
            self._study.tell(self._trial, gain(self.best))
            return True
        self._trial.report(value, self._epoch)
        if self._trial.should_prune():
            self._study.tell(self._trial, state=TrialState.PRUNED)
            return True
        return False


class Dehb:
    """DEHB: differential evolution over Hyperband's brackets.

    The same values mean the same row, which is trained on from where it was.
    """

    def __init__(self, table: CurveTable, seed: int, folder: str) -> None:
        try:
            from dehb import DEHB
        except ModuleNotFoundError:
            raise SystemExit("DEHB must be installed; it was not found; run `pip install dehb`") from None

        low, high = _DEHB_EPOCHS
        self._dehb = DEHB(
            cs=_configuration_space(table.space.distributions()), min_fidelity=low, max_fidelity=high, eta=3,
            seed=seed, n_workers=1, output_path=folder, save_freq="end", log_level="ERROR",
        )  # fmt: skip
        self._table = table
        self._used = np.zeros(len(table), dtype=bool)
        self._rows: dict[Hashable, int] = {}
        self.trained: dict[int, int] = {}

    def begin(self) -> Training | None:
        """See `Searcher`."""
        if self._used.all():
            return None
        job = self._dehb.ask()
        values = _plain(job["config"])
        key = tuple(sorted(values.items()))
        if key not in self._rows:
            row = self._rows[key] = self._table.nearest(self._table.space.decode(values), self._used)
            self._used[row] = True
        return _Job(self, job, self._table, self._rows[key])

    def tell(self, job: Mapping[str, Any], gain: float) -> None:
        """A job came to its end; one that diverged at once has no figure."""
        self._dehb.tell(job, {"fitness": -gain if np.isfinite(gain) else 1e3, "cost": job["fidelity"]})


class _Job:
    """A job of DEHB's, in one step."""

    def __init__(self, owner: Dehb, job: Mapping[str, Any], table: CurveTable, row: int) -> None:
        self._owner, self._job = owner, job
        self.row = row
        self._end = min(round(job["fidelity"]), table.configs[row].epochs)
        self.seconds = max(1, self._end - owner.trained.get(row, 0)) * table.seconds[row]
        self.best = table.gain(row, self._end)

    def step(self) -> bool:
        """See `Training`."""
        self._owner.trained[self.row] = max(self._end, self._owner.trained.get(self.row, 0))
        self._owner.tell(self._job, self.best)
        return True


def replay_dehb(table: CurveTable, *, seconds: float, seed: int) -> Course:
    """Search for so many simulated seconds with DEHB, which writes files."""
    with tempfile.TemporaryDirectory() as folder:
        return replay_peer(Dehb(table, seed, folder), seconds=seconds)


def _configuration_space(distributions: Mapping[str, BaseDistribution]) -> Any:
    """A ConfigSpace of Optuna's distributions; it leaves conditions out."""
    from ConfigSpace import ConfigurationSpace, Float, Integer, OrdinalHyperparameter

    space = ConfigurationSpace()
    for name, found in distributions.items():
        if isinstance(found, CategoricalDistribution):
            space.add(OrdinalHyperparameter(name, list(found.choices)))
        elif isinstance(found, IntDistribution):
            space.add(Integer(name, (found.low, found.high), log=found.log))
        elif isinstance(found, FloatDistribution):
            space.add(Float(name, (found.low, found.high), log=found.log))
    return space


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """Values without NumPy's types."""
    return {name: getattr(value, "item", lambda value=value: value)() for name, value in dict(config).items()}
