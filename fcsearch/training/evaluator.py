"""Accuracy and loss of a lane's members in test mode, measured on the device."""

from __future__ import annotations

import torch
from torch import Tensor

from fcsearch.training.data import Batch, TrainingData
from fcsearch.training.engine.buffers import Buffers
from fcsearch.training.engine.losses import LaneLoss
from fcsearch.training.engine.passes import StackedNet


class Evaluator:
    """Measures M members on the training sample and on the validation rows.

    Args:
        weights: The members' parameters, as they are whenever `measure` is called.
        data: The rows.
        loss: The losses that members are compared by.
        activation: The members'.
    """

    def __init__(self, weights: Buffers, data: TrainingData, loss: LaneLoss, *, activation: str) -> None:
        self._data = data
        self._loss = loss
        sizes = {len(batch.x) for batch in (*data.train_sample, *data.validation)}
        self._nets = {size: StackedNet(weights, size, activation=activation) for size in sizes}

    def measure(self) -> Tensor:
        """(M, 3): rows of the training sample that are right, mean validation loss, validation rows that are right."""
        train_correct = torch.stack([_correct(self._scores(batch), batch) for batch in self._data.train_sample]).sum(0)
        losses, correct = [], []
        for batch in self._data.validation:
            scores = self._scores(batch)
            correct.append(_correct(scores, batch))
            total = torch.zeros_like(scores)
            self._loss.apply(scores, batch.targets, total)
            losses.append(total.sum((1, 2)))
        val_loss = torch.stack(losses).sum(0) / self._data.rows[1]
        return torch.stack([train_correct, val_loss, torch.stack(correct).sum(0)], 1)

    def _scores(self, batch: Batch) -> Tensor:
        return self._nets[len(batch.x)].forward(batch.x)


def _correct(scores: Tensor, batch: Batch) -> Tensor:
    """How many rows each member has right (M,): the first of the highest scores counts, as `argmax` has it."""
    # The indices of `max`: `argmax` was seen six times slower on a CPU.
    return (scores.max(1).indices == batch.labels).sum(1).to(scores.dtype)
