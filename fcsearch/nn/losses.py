"""Losses with their gradients, as means over N rows: for a classifier with C classes, and for a regression.

Each takes `weights`, (N,) of the scores' dtype: the loss is then the mean of weight times loss over the rows.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fcsearch.nn.option_checks import number

Loss = Callable[..., tuple[Tensor, Tensor]]


def softmax_loss(
    scores: Tensor, y: Tensor, *, label_smoothing: float = 0.0, weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the softmax of the scores; the row maximum is subtracted, so large scores do not overflow.

    Args:
        scores: (N, C).
        y: Labels, int64 in [0, C), (N,).
        label_smoothing: The part s, in [0, 1), of each row's target that is spread evenly over the classes (Szegedy et
            al. 2016): the target is (1 - s) * one_hot(y) + s / C.
        weights: (N,), how much each row counts; None: all equally.

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
    return _mean(-(targets * log_probs).sum(dim=1), log_probs.exp() - targets, weights)


def svm_loss(scores: Tensor, y: Tensor, *, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Multiclass hinge with margin 1: for each row the sum over the wrong classes j of max(0, s_j - s_y + 1).

    Args:
        scores: (N, C).
        y: Labels, int64 in [0, C), (N,).
        weights: (N,), how much each row counts; None: all equally.

    Returns:
        loss, of shape (), and its gradient by the scores, (N, C). At a margin of exactly zero the gradient is zero.
    """
    labels = y.unsqueeze(1)
    margins = (scores - scores.gather(1, labels) + 1).clamp(min=0).scatter(1, labels, 0)
    violated = (margins > 0).to(scores.dtype)
    dscores = violated.scatter(1, labels, -violated.sum(dim=1, keepdim=True))
    return _mean(margins.sum(dim=1), dscores, weights)


def squared_loss(scores: Tensor, y: Tensor, *, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean squared error.

    Args:
        scores: (N, 1).
        y: Targets, floating point, (N,).
        weights: (N,), how much each row counts; None: all equally.

    Returns:
        loss, of shape (), and its gradient by the scores, (N, 1).
    """
    errors = scores - y.unsqueeze(1)
    return _mean(errors.square().squeeze(1), 2 * errors, weights)


def absolute_loss(scores: Tensor, y: Tensor, *, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean absolute error; arguments and shapes as in squared_loss. At an error of exactly 0 the gradient is 0."""
    errors = scores - y.unsqueeze(1)
    return _mean(errors.abs().squeeze(1), errors.sign(), weights)


def huber_loss(
    scores: Tensor, y: Tensor, *, delta: float = 1.0, weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Half the squared error up to delta, and beyond it the line that continues it (Huber 1964).

    Arguments and shapes as in squared_loss; delta is in the unit of the scores, above 0.
    """
    errors = scores - y.unsqueeze(1)
    near = errors.clamp(-delta, delta)
    return _mean((near * (errors - near / 2)).squeeze(1), near, weights)


def _mean(losses: Tensor, dscores: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """The mean of the rows' losses (N,), and its gradient by the scores, from each row's own (N, C)."""
    if weights is not None:
        losses, dscores = weights * losses, weights.unsqueeze(1) * dscores
    return losses.mean(), dscores / len(losses)


LOSSES: dict[str, Loss] = {
    "softmax": softmax_loss,
    "svm": svm_loss,
    "squared": squared_loss,
    "absolute": absolute_loss,
    "huber": huber_loss,
}
# Those of a regression, whose networks have one output.
REGRESSION_LOSSES = ("squared", "absolute", "huber")


def loss_of(
    name: str,
    scores: Tensor,
    y: Tensor,
    *,
    label_smoothing: float = 0.0,
    huber_delta: float = 1.0,
    weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The loss of this name, and its gradient; it reads the settings that it has."""
    if name == "softmax":
        return softmax_loss(scores, y, label_smoothing=label_smoothing, weights=weights)
    if name == "huber":
        return huber_loss(scores, y, delta=huber_delta, weights=weights)
    return LOSSES[name](scores, y, weights=weights)
