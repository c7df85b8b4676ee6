"""The results of a pack's members: epoch by epoch, and at the end."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Literal

from torch import Tensor

from fcsearch.config import TrialConfig
from fcsearch.config.objective import DEFAULT_OBJECTIVES, Objective
from fcsearch.training.data import TrainingData

State = Literal["complete", "stopped", "diverged", "unfinished"]


@dataclasses.dataclass(frozen=True)
class EpochMetrics:
    """One member after one epoch.

    Attributes:
        epoch: Which epoch, from 1.
        train_loss: Mean loss over the epoch's minibatches as in training (with dropout, label smoothing and the rows'
            weights), without the L2 term. None if not finite.
        val_loss: Mean loss on the validation rows in test mode, without label smoothing or the L2 term. None if not
            finite.
        train: The task's own figure, `accuracy` or `rmse`, by its name, in test mode on a fixed sample of training
            rows; empty if the member diverged.
        val: The same on the validation rows, and the objective, if it is a different figure.
        learning_rate: Learning rate of this epoch.
        seconds: The member's share of the epoch's wall time.
        standard_error: That of the objective on the validation rows, over the folds; None without folds.
    """

    epoch: int
    train_loss: float | None
    val_loss: float | None
    train: Mapping[str, float]
    val: Mapping[str, float]
    learning_rate: float
    seconds: float
    standard_error: float | None = None

    @property
    def train_accuracy(self) -> float | None:
        """Accuracy on the training sample; None if the member diverged."""
        return self.train.get("accuracy")

    @property
    def val_accuracy(self) -> float | None:
        """Accuracy on the validation rows; None if the member diverged."""
        return self.val.get("accuracy")

    @property
    def diverged(self) -> bool:
        """Whether a loss was not finite."""
        return self.train_loss is None or self.val_loss is None


@dataclasses.dataclass(frozen=True)
class MemberResult:
    """One member at its end, or as it was left.

    Attributes:
        config: Its configuration.
        state: `complete` (all its epochs), `stopped` (early stopping), `diverged` (a loss that is not finite) or
            `unfinished` (left in the middle: what it has reached so far).
        epochs: Every epoch that it ran.
        objective: The objective, which decides the best epoch: a key of OBJECTIVES.
        best_epoch: The first epoch whose objective is best; None if it diverged in the first.
        num_parameters: Weights and biases.
        seconds: Its share of the pack's wall time.
        weights: Parameters at the best epoch, on the CPU: `W1` (D, H), `b1` (H,), ...; empty if there is no best epoch.
            With folds those of the first.
        others: Those of each other fold.
    """

    config: TrialConfig
    state: State
    epochs: tuple[EpochMetrics, ...]
    objective: str
    best_epoch: int | None
    num_parameters: int
    seconds: float
    weights: dict[str, Tensor] = dataclasses.field(repr=False)
    others: tuple[dict[str, Tensor], ...] = dataclasses.field(default=(), repr=False)

    @property
    def by_fold(self) -> tuple[dict[str, Tensor], ...]:
        """The parameters in each fold; without folds these alone."""
        return (self.weights, *self.others)

    @property
    def best(self) -> EpochMetrics | None:
        """The metrics of the best epoch."""
        return None if self.best_epoch is None else self.epochs[self.best_epoch - 1]


def epoch_metrics(
    epoch: int, learning_rate: float, seconds: float, measured: Sequence[float], data: TrainingData
) -> EpochMetrics:
    """Make a member's metrics from the measurements of the device.

    Args:
        epoch: Which epoch, from 1.
        learning_rate: Of this epoch.
        seconds: The member's share of its wall time.
        measured: The training loss, and what `Evaluator.measure` gives.
        data: The rows.
    """
    train_loss, train_sum, val_loss, val_sum, *objective = measured
    train: dict[str, float] = {}
    val: dict[str, float] = {}
    if math.isfinite(train_loss) and math.isfinite(val_loss):
        own = DEFAULT_OBJECTIVES[data.task]
        train[own], val[own] = _own_figure(train_sum, data.rows[0], data), _own_figure(val_sum, data.rows[1], data)
        if objective and math.isfinite(objective[0]):
            val[data.objective] = objective[0]
    return EpochMetrics(
        epoch=epoch,
        train_loss=train_loss if math.isfinite(train_loss) else None,
        val_loss=val_loss if math.isfinite(val_loss) else None,
        train=train,
        val=val,
        learning_rate=learning_rate,
        seconds=seconds,
    )


def mean_over_folds(folds: Sequence[EpochMetrics], objective: str) -> EpochMetrics:
    """A member's metrics as the mean over the folds; it diverged if it did in any of them.

    Args:
        folds: Of one epoch; at least one.
        objective: The figure whose standard error is asked for: a key of OBJECTIVES.
    """
    first, *others = folds
    if not others:
        return first
    losses = [(fold.train_loss, fold.val_loss) for fold in folds]
    train_loss, val_loss = (_mean(values) for values in zip(*losses, strict=True))
    values = [fold.val[objective] for fold in folds if objective in fold.val]
    whole = len(values) == len(folds)
    return EpochMetrics(
        epoch=first.epoch,
        train_loss=train_loss,
        val_loss=val_loss,
        train=_means([fold.train for fold in folds]),
        val=_means([fold.val for fold in folds]),
        learning_rate=first.learning_rate,
        seconds=math.fsum(fold.seconds for fold in folds),
        standard_error=statistics.stdev(values) / math.sqrt(len(values)) if whole else None,
    )


def _means(folds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each figure that every fold has."""
    names = [name for name in folds[0] if all(name in fold for fold in folds)]
    return {name: statistics.fmean(fold[name] for fold in folds) for name in names}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else None


def _own_figure(total: float, rows: int, data: TrainingData) -> float:
    """Accuracy from the number of correct rows, or RMSE from the sum of squared errors."""
    return total / rows if data.num_classes else math.sqrt(total / rows) * data.target_scale


def best_epoch(history: Sequence[EpochMetrics], objective: Objective) -> int | None:
    """The first epoch (from 1) whose objective is best; None if none has one."""
    measured = [values for values in history if objective.name in values.val]
    best = max(measured, key=lambda values: objective.gain(values.val[objective.name]), default=None)
    return None if best is None else best.epoch
