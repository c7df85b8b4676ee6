"""Figures of a lane's members in test mode, measured on the device."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fcsearch.config.objective import DEFAULT_OBJECTIVES
from fcsearch.training.data import Batch, TrainingData
from fcsearch.training.engine.compiled_lane import CompiledNet
from fcsearch.training.engine.losses import LaneLoss
from fcsearch.training.engine.passes import StackedNet
from fcsearch.training.objectives import FIGURES


class Evaluator:
    """Measures M members on the training sample and on the validation rows.

    Args:
        net: The members' nets, as their weights are whenever `measure` is called, on so many rows.
        data: The rows.
        loss: The losses that members are compared by.
    """

    def __init__(self, net: Callable[[int], StackedNet | CompiledNet], data: TrainingData, loss: LaneLoss) -> None:
        self._data = data
        self._loss = loss
        self._figure = FIGURES[data.objective] if data.objective != DEFAULT_OBJECTIVES[data.task] else None
        sizes = {len(batch.x) for batch in (*data.train_sample, *data.validation)}
        self._nets = {size: net(size) for size in sizes}

    @property
    def in_place(self) -> bool:
        """Whether `measure` launches the same operations each time: figures of other objectives may not."""
        return self._figure is None

    def measure(self) -> Tensor:
        """The measurements for `epoch_metrics`, (M, 3 or 4).

        A sum over the training sample (correct rows, or squared errors), the mean validation loss, the same sum over
        the validation rows, and the objective, unless it follows from that sum.
        """
        train = torch.stack([self._sum(self._scores(batch), batch) for batch in self._data.train_sample]).sum(0)
        losses, sums, kept = [], [], []
        for batch in self._data.validation:
            scores = self._scores(batch)
            sums.append(self._sum(scores, batch))
            if self._figure is not None:
                kept.append(scores.clone())
            total = torch.zeros_like(scores)
            self._loss.apply(scores, batch.targets, total)
            losses.append(total.sum((1, 2)))
        val_loss = torch.stack(losses).sum(0) / self._data.rows[1]
        measured = [train, val_loss, torch.stack(sums).sum(0)]
        if self._figure is not None:
            # In double precision: sums of ranks over many rows do not fit a float32.
            figure = self._figure(torch.cat(kept, 2).double(), self._data.truth)
            measured.append(figure.to(val_loss.dtype))
        return torch.stack(measured, 1)

    def _scores(self, batch: Batch) -> Tensor:
        return self._nets[len(batch.x)].forward(batch.x)

    def _sum(self, scores: Tensor, batch: Batch) -> Tensor:
        """(M,): the number of correct rows, the first of equal scores counting; or the sum of squared errors."""
        if not self._data.num_classes:
            return (scores - batch.targets).square().sum((1, 2))
        # The indices of `max`: `argmax` was seen six times slower on a CPU.
        return (scores.max(1).indices == batch.labels).sum(1).to(scores.dtype)
