"""Results that stand in for training, drawn before the clock starts. Ray's workers import this, too."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime

import torch

from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.best_weights import with_best_weights
from fcsearch.search.pool.messages import MemberOutcome, PackOutcome, PackTask, Place
from fcsearch.training import EpochMetrics, MemberResult

PLACE = Place("table", "cpu")
ROWS = 997  # a prime, so that a pack's trials get different results


class ResultTable:
    """A result for every trial.

    Args:
        epochs: Epochs of each trial.
    """

    def __init__(self, epochs: int) -> None:
        draw = random.Random(0)
        self._histories = [_history(draw, epochs) for _ in range(ROWS)]
        self._weights = {"W1": torch.zeros(64, 10), "b1": torch.zeros(10)}

    def outcome(self, task: PackTask) -> PackOutcome:
        """What came of a pack."""
        now = datetime.now(UTC)
        members = [MemberOutcome(trial.trial_id, self._result(trial), now) for trial in task.trials]
        return PackOutcome(task.pack_id, with_best_weights(members, task), PLACE, now)

    def _result(self, trial: PlannedTrial) -> MemberResult:
        epochs = self._histories[trial.trial_id % ROWS]
        best = max(range(len(epochs)), key=lambda epoch: epochs[epoch].val_accuracy or 0.0) + 1
        return MemberResult(trial.config, "complete", epochs, "accuracy", best, 650, 0.1, self._weights)


def _history(draw: random.Random, epochs: int) -> tuple[EpochMetrics, ...]:
    losses = itertools.accumulate((draw.uniform(0.8, 1.0) for _ in range(epochs)), lambda a, b: a * b)
    return tuple(_metrics(epoch, loss) for epoch, loss in enumerate(losses, 1))


def _metrics(epoch: int, loss: float) -> EpochMetrics:
    accuracy = {"accuracy": 1 - loss / 2}
    return EpochMetrics(epoch, loss, loss, accuracy, accuracy, learning_rate=0.01, seconds=0.01)
