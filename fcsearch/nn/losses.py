"""Losses with their gradients, means over the N rows: of a classifier of C classes, and of a regression."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fcsearch.nn.option_checks import number

Loss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def softmax_loss(scores: Tensor, y: Tensor, *, label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the softmax of the scores; the row maximum is subtracted, so large scores do not overflow.

    Args:
        scores: (N, C).
        y: Labels, int64 in [0, C), (N,).
        label_smoothing: The part s, in [0, 1), of each row's target that is spread evenly over the classes (Szegedy et
            al. 2016): the target is (1 - s) * one_hot(y) + s / C.

    Returns:
        loss, of shape (), and its gradient by the scores, (N, C).

    Raises:
        ConfigError: a label_smoothing outside [0, 1).
    """
    number("label_smoothing", label_smoothing, minimum=0, below=1)
    shifted = scores - scores.amax(dim=1, keepdim=True)
    log_probs = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    targets = torch.full_like(scores, label_smoothing / scores.shape[1])
    targets.scatter_add_(1, y.unsqueeze(1), torch.full_like(scores[:, :1], 1 - label_smoothing))
    loss = -(targets * log_probs).sum(dim=1).mean()
    return loss, (log_probs.exp() - targets) / len(scores)


def svm_loss(scores: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Multiclass hinge with margin 1: for each row the sum over the wrong classes j of max(0, s_j - s_y + 1).

    Args:
        scores: (N, C).
        y: Labels, int64 in [0, C), (N,).

    Returns:
        loss, of shape (), and its gradient by the scores, (N, C). At a margin of exactly zero the gradient is zero.
    """
    labels = y.unsqueeze(1)
    margins = (scores - scores.gather(1, labels) + 1).clamp(min=0).scatter(1, labels, 0)
    loss = margins.sum(dim=1).mean()
    violated = (margins > 0).to(scores.dtype)
    dscores = violated.scatter(1, labels, -violated.sum(dim=1, keepdim=True))
    return loss, dscores / len(scores)


def squared_loss(scores: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Mean squared error.

    Args:
        scores: (N, 1).
        y: Targets, floating point, (N,).

    Returns:
        loss, of shape (), and its gradient by the scores, (N, 1).
    """
    errors = scores - y.unsqueeze(1)
    return errors.square().mean(), 2 * errors / len(scores)


def absolute_loss(scores: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Mean absolute error; arguments and shapes as in squared_loss. At an error of exactly 0 the gradient is 0."""
    errors = scores - y.unsqueeze(1)
    return errors.abs().mean(), errors.sign() / len(scores)


def huber_loss(scores: Tensor, y: Tensor, *, delta: float = 1.0) -> tuple[Tensor, Tensor]:
    """Half the squared error up to delta, and beyond it the line that continues it (Huber 1964).

    Arguments and shapes as in squared_loss; delta is in the unit of the scores, above 0.
    """
    errors = scores - y.unsqueeze(1)
    near = errors.clamp(-delta, delta)
    return (near * (errors - near / 2)).mean(), near / len(scores)


LOSSES: dict[str, Loss] = {
    "softmax": softmax_loss,
    "svm": svm_loss,
    "squared": squared_loss,
    "absolute": absolute_loss,
    "huber": huber_loss,
}
# Those of a regression, whose networks have one output.
REGRESSION_LOSSES = ("squared", "absolute", "huber")
