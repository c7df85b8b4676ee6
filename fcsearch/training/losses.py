"""Losses of stacked, class-first scores, with the gradient in place of the scores.

The same mathematics as `fcsearch.nn.losses`, without a host transfer: the loss is added up on the device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from fcsearch.training.parameters import runs

# (scores (M, C, N), targets (C, N) one-hot, total (M, C, N)): the scores become the gradient of the mean loss by them,
# and every row's loss is added to `total`, spread over the classes in a way of the loss's own.
StackedLoss = Callable[[Tensor, Tensor, Tensor], None]


def softmax_loss(scores: Tensor, targets: Tensor, total: Tensor) -> None:
    """Cross-entropy of the softmax."""
    log_p = torch.log_softmax(scores, 1)  # subtracts the maximum over the classes
    total.addcmul_(log_p, targets, value=-1)
    torch.exp(log_p, out=scores).sub_(targets).div_(targets.shape[1])


def svm_loss(scores: Tensor, targets: Tensor, total: Tensor) -> None:
    """Multiclass hinge of margin 1."""
    correct = (scores * targets).sum(1, keepdim=True)
    margins = scores.sub_(correct).add_(1).clamp_(min=0)
    margins.mul_(1 - targets)
    total.add_(margins)
    violated = margins.sign_()
    violated.addcmul_(targets, violated.sum(1, keepdim=True), value=-1).div_(targets.shape[1])


STACKED_LOSSES: dict[str, StackedLoss] = {"softmax": softmax_loss, "svm": svm_loss}


class LaneLoss:
    """The losses of a lane's members, each run of one kind at once.

    Args:
        names: Each member's loss.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._runs = [(STACKED_LOSSES[name], members) for name, members in runs(names)]

    def apply(self, scores: Tensor, targets: Tensor, total: Tensor) -> None:
        """See `StackedLoss`."""
        if len(self._runs) == 1:
            self._runs[0][0](scores, targets, total)
            return
        for loss, members in self._runs:
            loss(scores[members], targets, total[members])
