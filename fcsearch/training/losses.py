"""Losses of stacked, class-first scores, with the gradient in place of the scores.

The same mathematics as `fcsearch.nn.losses`, without a host transfer: the loss is added up on the device.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# (scores (M, C, N), targets (C, N) one-hot, total (M, C, N)) -> dscores (M, C, N).
# Adds every row's loss to `total`, spread over the classes in a way of the loss's own; may overwrite the scores.
StackedLoss = Callable[[Tensor, Tensor, Tensor], Tensor]


def softmax_loss(scores: Tensor, targets: Tensor, total: Tensor) -> Tensor:
    """Cross-entropy of the softmax; `dscores` is that of the mean over the N rows."""
    log_p = torch.log_softmax(scores, 1)  # subtracts the maximum over the classes
    total.addcmul_(log_p, targets, value=-1)
    return torch.exp(log_p, out=log_p).sub_(targets).div_(targets.shape[1])


def svm_loss(scores: Tensor, targets: Tensor, total: Tensor) -> Tensor:
    """Multiclass hinge of margin 1; `dscores` is that of the mean over the N rows."""
    correct = (scores * targets).sum(1, keepdim=True)
    margins = scores.sub_(correct).add_(1).clamp_(min=0)
    margins.mul_(1 - targets)
    total.add_(margins)
    dscores = margins.sign_()
    dscores.addcmul_(targets, dscores.sum(1, keepdim=True), value=-1)
    return dscores.div_(targets.shape[1])


STACKED_LOSSES: dict[str, StackedLoss] = {"softmax": softmax_loss, "svm": svm_loss}
