"""Losses of stacked, class-first scores, with the gradient in place of the scores.

The same mathematics as `fcsearch.nn.losses`, without a host transfer: the loss is added up on the device. On a GPU the
softmax is one kernel.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from fcsearch.config import TrialConfig
from fcsearch.training.engine.native import CallSite, kernels
from fcsearch.training.engine.spans import spans

# (scores (M, C, N), targets (C, N) one-hot, total (M, C, N)): the scores become the gradient of the mean loss by them,
# and every row's loss is added to `total`, spread over the classes in a way of the loss's own.
StackedLoss = Callable[..., None]

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


def squared_loss(scores: Tensor, targets: Tensor, total: Tensor) -> None:
    """Squared error of a regression: C = 1, and the targets are numbers."""
    errors = scores.sub_(targets)
    total.addcmul_(errors, errors)
    errors.mul_(2 / targets.shape[1])


def absolute_loss(scores: Tensor, targets: Tensor, total: Tensor) -> None:
    """Absolute error of a regression."""
    errors = scores.sub_(targets)
    total.add_(errors.abs())
    errors.sign_().div_(targets.shape[1])


def huber_loss(scores: Tensor, targets: Tensor, total: Tensor, *, delta: Tensor) -> None:
    """Huber's loss of a regression, which is a line beyond delta, (M, 1, 1)."""
    errors = scores - targets
    torch.minimum(torch.maximum(errors, -delta), delta, out=scores)
    total.addcmul_(scores, errors.add_(scores, alpha=-0.5))
    scores.div_(targets.shape[1])


# huber_loss lacks its delta, which differs from member to member.
STACKED_LOSSES: dict[str, StackedLoss] = {
    "softmax": softmax_loss,
    "svm": svm_loss,
    "squared": squared_loss,
    "absolute": absolute_loss,
    "huber": huber_loss,
}


class LaneLoss:
    """The losses of a lane's members, each span of one kind at once.

    Args:
        losses: The loss of each span of members, and which they are.
    """

    def __init__(self, losses: Sequence[tuple[StackedLoss, slice]]) -> None:
        self._spans = list(losses)

    @classmethod
    def plain(cls, configs: Sequence[TrialConfig], like: Tensor) -> LaneLoss:
        """The losses that members are compared by, without label smoothing; `like` as in `training`."""
        found = spans([config.loss for config in configs])
        return cls([(_stacked(name, configs[members], like), members) for name, members in found])

    @classmethod
    def training(cls, configs: Sequence[TrialConfig], like: Tensor, num_classes: int) -> LaneLoss:
        """The losses that members are trained by; those without label smoothing by the plain ones.

        Args:
            configs: The members' configurations, sorted by loss and by `is_smoothed`.
            like: A tensor of the scores' dtype and device.
            num_classes: Number of classes C.
        """
        found: list[tuple[StackedLoss, slice]] = []
        for kind, members in spans([_SMOOTHED if is_smoothed(config) else config.loss for config in configs]):
            if kind != _SMOOTHED:
                found.append((_stacked(kind, configs[members], like), members))
                continue
            share = _each([config.label_smoothing for config in configs[members]])
            kept, spread = (1 - share).to(like), (share / num_classes).to(like)
            smoothed = _softmax_by_kernel(kept, spread)
            if smoothed is None:
                smoothed = functools.partial(smoothed_softmax_loss, kept=kept, spread=spread)
            found.append((smoothed, members))
        return cls(found)

    def apply(self, scores: Tensor, targets: Tensor, total: Tensor, row_weights: Tensor | None = None) -> None:
        """See `StackedLoss`; with `row_weights` (N,) each row's loss, and its gradient, counts so many times."""
        if row_weights is not None:
            losses = torch.zeros_like(total)
            self.apply(scores, targets, losses)
            total.addcmul_(losses, row_weights)
            scores.mul_(row_weights)
            return
        if len(self._spans) == 1:
            self._spans[0][0](scores, targets, total)
            return
        for loss, members in self._spans:
            loss(scores[members], targets, total[members])


def _stacked(name: str, configs: Sequence[TrialConfig], like: Tensor) -> StackedLoss:
    if name == "huber":
        return functools.partial(STACKED_LOSSES[name], delta=_each([config.huber_delta for config in configs]).to(like))
    by_kernel = None
    if name == "softmax":
        kept = like.new_ones(len(configs))
        by_kernel = _softmax_by_kernel(kept, torch.zeros_like(kept))
    return by_kernel or STACKED_LOSSES[name]


def _softmax_by_kernel(kept: Tensor, spread: Tensor) -> StackedLoss | None:
    """`smoothed_softmax_loss` in one kernel, or None if torch operations do the work."""
    library = kernels(kept.device, kept.dtype)
    if library is None:
        return None
    site = CallSite(library["softmax_loss"], kept.flatten(), spread.flatten())
    return lambda scores, targets, total: site(scores, total, targets.expand_as(scores))


def _each(values: Sequence[float]) -> Tensor:
    """(M, 1, 1) float64."""
    return torch.tensor(values, dtype=torch.float64).view(-1, 1, 1)


def is_smoothed(config: TrialConfig) -> bool:
    """Whether the member's labels are smoothed: svm's are not."""
    return config.loss == "softmax" and config.label_smoothing > 0
