"""What a pack reports of its members: epoch by epoch, and at the end."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor

from fcsearch.config import TrialConfig

State = Literal["complete", "stopped", "diverged"]


@dataclasses.dataclass(frozen=True)
class EpochMetrics:
    """One member after one epoch.

    Attributes:
        epoch: Which epoch, from 1.
        train_loss: Mean loss over the epoch's minibatches, as they were trained (dropout and label smoothing on),
            without the L2 term. None if not finite.
        train_accuracy: Accuracy in test mode on a fixed sample of training rows; None if the member diverged.
        val_loss: Mean loss on the validation rows in test mode, without label smoothing or the L2 term. None if not
            finite.
        val_accuracy: Accuracy on the validation rows in test mode; None if the member diverged.
        learning_rate: Learning rate of this epoch.
        seconds: The member's share of the epoch's wall time.
    """

    epoch: int
    train_loss: float | None
    train_accuracy: float | None
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float
    seconds: float

    @property
    def diverged(self) -> bool:
        """Whether a loss was not finite."""
        return self.train_loss is None or self.val_loss is None


@dataclasses.dataclass(frozen=True)
class MemberResult:
    """One member at its end.

    Attributes:
        config: Its configuration.
        state: `complete` (all its epochs), `stopped` (early stopping) or `diverged` (a loss that is not finite).
        epochs: Every epoch that it ran.
        best_epoch: The first epoch of highest validation accuracy; None if it diverged in the first.
        num_parameters: Weights and biases.
        seconds: Its share of the pack's wall time.
        weights: Parameters at the best epoch, on the CPU: `W1` (D, H), `b1` (H,), ...; empty if there is no best epoch.
    """

    config: TrialConfig
    state: State
    epochs: tuple[EpochMetrics, ...]
    best_epoch: int | None
    num_parameters: int
    seconds: float
    weights: dict[str, Tensor] = dataclasses.field(repr=False)

    @property
    def best(self) -> EpochMetrics | None:
        """The metrics of the best epoch."""
        return None if self.best_epoch is None else self.epochs[self.best_epoch - 1]

    def to_json(self) -> dict[str, Any]:
        """All but the weights, as JSON types."""
        fields = {name: getattr(self, name) for name in ("state", "best_epoch", "num_parameters", "seconds")}
        return {**fields, "config": self.config.to_json(), "epochs": [dataclasses.asdict(e) for e in self.epochs]}

    @classmethod
    def from_json(cls, values: dict[str, Any], weights: dict[str, Tensor]) -> MemberResult:
        """Read what `to_json` wrote."""
        epochs = tuple(EpochMetrics(**epoch) for epoch in values["epochs"])
        config = TrialConfig.from_json(values["config"])
        return cls(**{**values, "config": config, "epochs": epochs, "weights": weights})


def epoch_metrics(
    epoch: int, learning_rate: float, seconds: float, measured: Sequence[float], rows: tuple[int, int]
) -> EpochMetrics:
    """Make a member's metrics from what the device measured.

    Args:
        epoch: Which epoch, from 1.
        learning_rate: Of this epoch.
        seconds: The member's share of its wall time.
        measured: Training loss, training rows that are right, validation loss, validation rows that are right.
        rows: Rows of the training sample and of validation.
    """
    train_loss, train_correct, val_loss, val_correct = measured
    finite = math.isfinite(train_loss) and math.isfinite(val_loss)
    return EpochMetrics(
        epoch=epoch,
        train_loss=train_loss if math.isfinite(train_loss) else None,
        train_accuracy=train_correct / rows[0] if finite else None,
        val_loss=val_loss if math.isfinite(val_loss) else None,
        val_accuracy=val_correct / rows[1] if finite else None,
        learning_rate=learning_rate,
        seconds=seconds,
    )
