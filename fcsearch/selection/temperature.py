"""Temperature scaling (Guo et al. 2017, arXiv 1706.04599): one number that calibrates a model's probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from fcsearch.nn import FullyConnectedNet
from fcsearch.selection.calibration import Calibration
from fcsearch.training.judging import scores_of

# The temperature lies between 1 / _MOST and _MOST.
_MOST = 20.0
_HALVINGS = 40


def fit_temperature(log_probabilities: Tensor, y: Tensor) -> Calibration:
    """Fit the temperature of the least log loss.

    As in Platt (1999), a share of 1 / (V + 2) of each row is spread over all classes. Otherwise, if no row is wrong,
    the best temperature would be 0, and every mistake on later rows would be made with full confidence.

    Args:
        log_probabilities: (V, C) float64 scores, or the logarithms of probabilities.
        y: (V,) classes.
    """
    rows, classes = log_probabilities.shape
    share = 1 / (rows + 2)
    scores = log_probabilities - log_probabilities.max(1, keepdim=True).values
    # Keeps every probability above 0: a larger gap underflows in float64, and sums become not a number.
    scores = scores.clamp(min=-700.0)
    wanted = torch.full_like(scores, share / classes).scatter_add_(
        1, y.unsqueeze(1), torch.full_like(scores[:, :1], 1 - share)
    )
    target = (wanted * scores).sum(1).mean()
    # The loss is convex in 1 / temperature: its slope rises, from below 0 to above.
    low, high = -math.log(_MOST), math.log(_MOST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        slope = (torch.softmax(scores * math.exp(middle), 1) * scores).sum(1).mean() - target
        low, high = (middle, high) if slope < 0 else (low, middle)
    before, temperature = _log_loss(scores, y), math.exp(-(low + high) / 2)
    after = _log_loss(scores / temperature, y)
    return Calibration(temperature, rows, before, after) if after < before else Calibration(1.0, rows, before, before)


def log_probabilities_of(net: FullyConnectedNet, X: Tensor) -> Tensor:
    """(N, C) float64 logarithms of a classifier's probabilities; X as `scores_of` takes it."""
    return torch.log_softmax(scores_of(net, X).double(), 1)


def mixed(parts: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The logarithm of the weighted mean of probabilities, from their logarithms (N, C)."""
    logs = torch.tensor(weights, dtype=torch.float64).log()
    return torch.logsumexp(torch.stack(list(parts)) + logs[:, None, None], 0)


def _log_loss(scores: Tensor, y: Tensor) -> float:
    return float(torch.nn.functional.cross_entropy(scores, y))
