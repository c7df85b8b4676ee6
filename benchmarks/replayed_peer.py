"""Optuna by itself, replayed on a table of learning curves: one trial at a time on each worker, with a pruner."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from curve_table import CurveTable
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.trial import Trial, TrialState
from replayed_search import WORKERS, Course


class _Training:
    """A trial in training."""

    def __init__(self, trial: Trial, row: int, table: CurveTable) -> None:
        self.trial = trial
        self.curve = table.curves[row]
        self.seconds = table.seconds[row]
        self.epochs = table.configs[row].epochs
        self.epoch = 0
        self.best = -math.inf

    def step(self, study: optuna.Study, table: CurveTable) -> bool:
        """Train an epoch and report it; whether it was the last."""
        self.epoch += 1
        if self.epoch > len(self.curve):
            study.tell(self.trial, state=TrialState.PRUNED)
            return True
        value = self.curve[self.epoch - 1]
        self.best = max(self.best, table.objective.gain(value))
        if self.epoch == self.epochs:
            study.tell(self.trial, table.objective.gain(self.best))
            return True
        self.trial.report(value, self.epoch)
        if self.trial.should_prune():
            study.tell(self.trial, state=TrialState.PRUNED)
            return True
        return False


def replay_optuna(
    table: CurveTable,
    sampler: Callable[[int], BaseSampler],
    pruner: Callable[[], BasePruner],
    *,
    seconds: float,
    seed: int,
) -> Course:
    """Search the table for so many simulated seconds. Asking and pruning take no simulated time."""
    direction = "maximize" if table.objective.maximize else "minimize"
    study = optuna.create_study(direction=direction, pruner=pruner())
    asks, draws = sampler(seed), optuna.samplers.RandomSampler(seed=seed)
    used = np.zeros(len(table), dtype=bool)
    times, gains, trials = list[float](), list[float](), 0
    running: list[tuple[float, int, Any]] = []
    started = 0

    def start(now: float) -> None:
        nonlocal started
        study.sampler = asks
        draft = study.ask()
        row = table.nearest(table.space.suggest(draft), used)
        study.tell(draft, state=TrialState.FAIL)
        used[row] = True
        study.sampler = draws
        study.enqueue_trial(table.space.encode(table.values[row]))
        trial = study.ask()
        table.space.suggest(trial)
        training = _Training(trial, row, table)
        heapq.heappush(running, (now + training.seconds, started, training))
        started += 1

    for _ in range(WORKERS):
        start(0.0)
    while running:
        now, order, training = heapq.heappop(running)
        if now > seconds:
            break
        if not training.step(study, table):
            heapq.heappush(running, (now + training.seconds, order, training))
            continue
        trials += 1
        if not gains or training.best > gains[-1]:
            times.append(now)
            gains.append(training.best)
        if not used.all():
            start(now)
    return Course(tuple(times), tuple(gains), trials, 0.0)
