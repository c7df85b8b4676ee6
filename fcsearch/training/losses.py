"""Losses of stacked, class-first scores, with the gradient in place of the scores.

The same mathematics as `fcsearch.nn.losses`, without a host transfer: the loss is added up on the device.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from fcsearch.config import TrialConfig
from fcsearch.training.parameters import runs

# (scores (M, C, N), targets (C, N) one-hot, total (M, C, N)): the scores become the gradient of the mean loss by them,
# and every row's loss is added to `total`, spread over the classes in a way of the loss's own.
StackedLoss = Callable[[Tensor, Tensor, Tensor], None]

_SMOOTHED = "smoothed softmax"


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


def smoothed_softmax_loss(scores: Tensor, targets: Tensor, total: Tensor, *, kept: Tensor, spread: Tensor) -> None:
    """Cross-entropy of the softmax against kept * targets + spread, (M, 1, 1) each."""
    log_p = torch.log_softmax(scores, 1)
    smooth = torch.addcmul(spread, targets, kept)
    total.addcmul_(log_p, smooth, value=-1)
    torch.exp(log_p, out=scores).sub_(smooth).div_(targets.shape[1])


STACKED_LOSSES: dict[str, StackedLoss] = {"softmax": softmax_loss, "svm": svm_loss}


class LaneLoss:
    """The losses of a lane's members, each run of one kind at once.

    Args:
        losses: The loss of each run of members, and which they are.
    """

    def __init__(self, losses: Sequence[tuple[StackedLoss, slice]]) -> None:
        self._runs = list(losses)

    @classmethod
    def plain(cls, configs: Sequence[TrialConfig]) -> LaneLoss:
        """The losses that members are compared by: without label smoothing."""
        return cls([(STACKED_LOSSES[name], members) for name, members in runs([config.loss for config in configs])])

    @classmethod
    def training(cls, configs: Sequence[TrialConfig], like: Tensor, num_classes: int) -> LaneLoss:
        """The losses that members are trained by; those without label smoothing by the plain ones.

        Args:
            configs: The members' configurations, sorted by loss and by `is_smoothed`.
            like: A tensor of the scores' dtype and device.
            num_classes: Number of classes C.
        """
        found: list[tuple[StackedLoss, slice]] = []
        for kind, members in runs([_SMOOTHED if is_smoothed(config) else config.loss for config in configs]):
            if kind != _SMOOTHED:
                found.append((STACKED_LOSSES[kind], members))
                continue
            shares = [config.label_smoothing for config in configs[members]]
            share = torch.tensor(shares, dtype=torch.float64).view(-1, 1, 1)
            kept, spread = (1 - share).to(like), (share / num_classes).to(like)
            found.append((functools.partial(smoothed_softmax_loss, kept=kept, spread=spread), members))
        return cls(found)

    def apply(self, scores: Tensor, targets: Tensor, total: Tensor) -> None:
        """See `StackedLoss`."""
        if len(self._runs) == 1:
            self._runs[0][0](scores, targets, total)
            return
        for loss, members in self._runs:
            loss(scores[members], targets, total[members])


def is_smoothed(config: TrialConfig) -> bool:
    """Whether the member's labels are smoothed: svm's are not."""
    return config.loss == "softmax" and config.label_smoothing > 0
