"""Losses of a classifier, with their gradients. N rows, C classes, M members.

Both losses are means over the rows, and take a leading member axis: each member then has a loss of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fcsearch.nn.options import number

Loss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def softmax_loss(scores: Tensor, y: Tensor, *, label_smoothing: float | Tensor = 0.0) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the softmax of the scores; the row maximum is subtracted, so large scores do not overflow.

    Args:
        scores: (N, C), or (M, N, C).
        y: Labels, int64 in [0, C): (N,), shared by all members, or (M, N).
        label_smoothing: The part s, in [0, 1), of each row's target that is spread evenly over the classes (Szegedy et
            al. 2016): the target is (1 - s) * one_hot(y) + s / C. A number, or a tensor (M,) of one for each member.

    Returns:
        loss, of shape () or (M,), and its gradient by the scores, of their shape.

    Raises:
        ConfigError: a label_smoothing outside [0, 1); a tensor is taken as it is.
    """
    labels = _labels(scores, y)
    shifted = scores - scores.amax(dim=-1, keepdim=True)
    log_probs = shifted - shifted.exp().sum(dim=-1, keepdim=True).log()
    loss = -log_probs.gather(-1, labels).squeeze(-1).mean(dim=-1)
    probs = log_probs.exp()
    dscores = probs.scatter(-1, labels, probs.gather(-1, labels) - 1)
    if isinstance(label_smoothing, Tensor):
        label_smoothing = label_smoothing.to(scores)
    else:
        number("label_smoothing", label_smoothing, minimum=0, below=1)
        if label_smoothing == 0:
            return loss, dscores / scores.shape[-2]
        label_smoothing = scores.new_tensor(label_smoothing)
    loss = (1 - label_smoothing) * loss - label_smoothing * log_probs.mean(dim=(-2, -1))
    towards_even = torch.zeros_like(scores).scatter(-1, labels, 1) - 1 / scores.shape[-1]
    dscores = dscores + label_smoothing[..., None, None] * towards_even
    return loss, dscores / scores.shape[-2]


def svm_loss(scores: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Multiclass hinge with margin 1: for each row the sum over the wrong classes j of max(0, s_j - s_y + 1).

    Args:
        scores: (N, C), or (M, N, C).
        y: Labels, int64 in [0, C): (N,), shared by all members, or (M, N).

    Returns:
        loss, of shape () or (M,), and its gradient by the scores, of their shape. At a margin of exactly zero the
        gradient is zero.
    """
    labels = _labels(scores, y)
    margins = (scores - scores.gather(-1, labels) + 1).clamp(min=0).scatter(-1, labels, 0)
    loss = margins.sum(dim=-1).mean(dim=-1)
    violated = (margins > 0).to(scores.dtype)
    dscores = violated.scatter(-1, labels, -violated.sum(dim=-1, keepdim=True))
    return loss, dscores / scores.shape[-2]


def _labels(scores: Tensor, y: Tensor) -> Tensor:
    """Shape the labels for gather and scatter: (N, 1), or (M, N, 1)."""
    return y.expand(scores.shape[:-1]).unsqueeze(-1)


LOSSES: dict[str, Loss] = {"softmax": softmax_loss, "svm": svm_loss}
