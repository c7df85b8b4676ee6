"""Accuracy and loss of a lane's members in test mode, measured on the device."""

from __future__ import annotations

import torch
from torch import Tensor

from fcsearch.training.data import TrainingData, one_hot
from fcsearch.training.losses import LaneLoss
from fcsearch.training.parameters import Buffers
from fcsearch.training.passes import StackedNet

# Rows that pass through a net at once: few enough that a layer's activations stay in a CPU's cache.
_ROWS = 256


class Evaluator:
    """Measures M members on the training sample and on the validation rows.

    Args:
        weights: The members' parameters, as they are whenever `measure` is called.
        data: The rows.
        loss: The members' losses.
    """

    def __init__(self, weights: Buffers, data: TrainingData, loss: LaneLoss) -> None:
        self._weights = weights
        self._loss = loss
        self._splits = [data.train_sample(), (data.X_val, data.y_val)]
        self._nets: dict[int, StackedNet] = {}

    @property
    def rows(self) -> tuple[int, int]:
        """Rows of the training sample and of validation."""
        return len(self._splits[0][0]), len(self._splits[1][0])

    def measure(self) -> Tensor:
        """(M, 3): rows of the training sample that are right, mean validation loss, validation rows that are right."""
        (_, train_correct), (val_loss, val_correct) = (self._split(X, y) for X, y in self._splits)
        return torch.stack([train_correct, val_loss, val_correct], 1)

    def _split(self, X: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss, and how many rows are right: (M,) each."""
        loss = self._weights.wide.new_zeros(self._weights.members)
        correct = torch.zeros_like(loss)
        for x, labels in zip(torch.split(X, _ROWS), torch.split(y, _ROWS), strict=True):
            scores = self._net(len(x)).forward(x)
            correct += (scores.argmax(1) == labels).sum(1)
            total = torch.zeros_like(scores)
            targets = one_hot(labels.unsqueeze(0), scores.shape[1], scores.dtype)
            self._loss.apply(scores, targets, total)
            loss += total.sum((1, 2))
        return loss / len(X), correct

    def _net(self, rows: int) -> StackedNet:
        if rows not in self._nets:
            self._nets[rows] = StackedNet(self._weights, rows)
        return self._nets[rows]
