"""A model compared with the baseline on the same rows: whether chance explains that it is better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import torch
from scipy.special import gammaincc
from torch import Tensor

from fcsearch.evaluation.baseline import middle_of
from fcsearch.evaluation.lead import Lead
from fcsearch.evaluation.orders import DEALT, Floats, figures_of_orders, orders_of, thinned
from fcsearch.training.objectives import Truth

# Rows are thinned to so many, and with many classes to fewer, so that no more scores of all classes are ranked than
# these; but never to fewer rows than the least.
_MOST_ROWS, _MOST_SCORES, _LEAST_ROWS = 20_000, 2_000_000, 2_000
# With fewer orders that do as well, their share is too rough, and that of a curve through their moments is taken.
_ENOUGH = 10


def lead_of(objective: str, gain: float, parts: Sequence[tuple[Tensor, Truth]]) -> Lead:
    """The lead of a model whose figure is the mean over the parts.

    For a mean over rows (accuracy, log loss, the errors of a regression) it has the standard error of the differences
    row by row: a row that is easy or hard for both cancels out (for accuracy this is McNemar's test, for RMSE and R2
    squared errors are compared). For rankings and means over classes it has the share of 500 to 10,000 random orders of
    the labels in which the model's answers do as well (a permutation test; for ROC AUC that of Mann and Whitney), drawn
    by seed 0; see `orders_of`. Below 10 such orders the share is that of a Pearson III curve: see `_tail`. Of more than
    20,000 rows (with C classes 2,000,000 / C, but at least 2,000) only so many are used, as many of each class, or all
    of a rarer one.

    Args:
        objective: A key of OBJECTIVES.
        gain: By how much the model's figure is better than the baseline's.
        parts: Scores (1, C, V) and the truth of their rows; with folds one for each fold.
    """
    if objective in DEALT:
        return Lead(gain, chance=_chance(objective, parts))
    base = _base_scores(objective, parts)
    errors = [_paired_error(objective, scores, base, truth) for scores, truth in parts]
    return Lead(gain, math.sqrt(math.fsum(error**2 for error in errors)) / len(errors))


def _base_scores(objective: str, parts: Sequence[tuple[Tensor, Truth]]) -> Tensor:
    """The baseline's scores (1, C, 1) for every row: the logarithms of the classes' shares, or the one answer."""
    y, classes = torch.cat([truth.y for _, truth in parts]), parts[0][1].num_classes
    if classes:
        return (torch.bincount(y, minlength=classes).double() / len(y)).log().view(1, -1, 1)
    return torch.full((1, 1, 1), middle_of(y.double().numpy(), objective), dtype=torch.float64)


def _paired_error(objective: str, scores: Tensor, base: Tensor, truth: Truth) -> float:
    """The standard error of the difference between the baseline and a model, by their differences on each row."""
    ours, theirs = (_by_row(objective, found, truth) for found in (scores, base))
    if objective == "accuracy":
        # As McNemar's test, by the chance that there is no difference: not about the mean difference. If there is
        # none, half a row is counted as different.
        return math.sqrt(max(float((ours - theirs).square().mean()), 0.5 / len(ours)) / len(ours))
    error = _mean_error(ours - theirs)
    if objective == "r2":
        return error / max(float(truth.y.double().var(correction=0)), 1e-300)
    if objective == "rmse":
        # The difference of two roots is that of the squares, divided by the sum of the roots.
        error /= max(float(ours.mean().sqrt() + theirs.mean().sqrt()), 1e-300)
    return truth.scale * error


def _by_row(objective: str, scores: Tensor, truth: Truth) -> Tensor:
    """What the mean (V,) is taken of; scores are (1, C, V), or (1, C, 1) for every row."""
    if objective == "accuracy":
        return (scores[0].max(0).indices == truth.y).double()
    if objective == "log_loss":
        log_p = torch.log_softmax(scores[0].double(), 0).expand(-1, len(truth.y))
        return -log_p.gather(0, truth.y.unsqueeze(0))[0]
    errors = (scores[0, 0] - truth.y).double()
    return errors.abs() if objective == "mae" else errors.square()


def _mean_error(differences: Tensor) -> float:
    """The standard error of their mean; of a single one, itself."""
    if len(differences) == 1:
        return abs(float(differences[0]))
    return float(differences.double().std()) / math.sqrt(len(differences))


def _chance(objective: str, parts: Sequence[tuple[Tensor, Truth]]) -> float:
    """The share of random orders whose figure is at least as good as that of the order found."""
    rng = np.random.default_rng(0)
    most = min(_MOST_ROWS, max(_MOST_SCORES // parts[0][1].num_classes, _LEAST_ROWS))
    if sum(len(truth.y) for _, truth in parts) > most:
        parts = [thinned(scores, truth, most // len(parts), rng) for scores, truth in parts]
    orders = orders_of(objective, [truth for _, truth in parts])
    gains = np.zeros(orders)
    for scores, truth in parts:
        figure, others = figures_of_orders(objective, scores, truth, orders, rng)
        gains += others - figure
    return _share(gains)


def _share(gains: Floats) -> float:
    """The share of orders that gain nothing or more over the one found, which is counted as one of them."""
    reached = int((gains >= -1e-10).sum())
    if reached >= _ENOUGH or gains.std() < 1e-12:
        return (1 + reached) / (1 + len(gains))
    return _tail(gains)


def _tail(gains: Floats) -> float:
    """The share of a Pearson III distribution with these gains' mean, variance and skewness that lies above 0.

    False leads in percent where 2.5 are due, as the best of 1, 10, 100 or 1,000 models that know nothing, simulated
    with the number of orders that is used (100 sets of orders; of ROC AUC and macro F1 60):

    | Figure            | Rows of the rarer class, of all | Orders |   1 |  10 | 100 | 1,000 |
    |-------------------|---------------------------------|--------|-----|-----|-----|-------|
    | average precision | 8 of 459                        | 10,000 | 2.5 | 2.5 | 1.4 |   1.0 |
    | average precision | 10 of 1,000                     | 10,000 | 2.5 | 2.5 | 1.4 |   0.3 |
    | average precision | 100 of 1,000                    | 10,000 | 2.5 | 2.5 | 3.4 |   4.7 |
    | average precision | 20 of 10,000                    | 10,000 | 2.5 | 2.5 | 0.8 |   0.2 |
    | average precision | 20 of 20,000                    | 10,000 | 2.5 | 2.5 | 5.1 |   0.2 |
    | average precision | 5 of 20,000                     | 10,000 | 2.5 | 2.5 | 3.3 |   6.2 |
    | ROC AUC           | 10 of 1,000                     | 10,000 | 2.5 | 2.5 | 1.1 |   0.6 |
    | ROC AUC           | 500 of 1,000                    | 10,000 | 2.5 | 2.5 | 2.1 |   1.0 |
    | macro F1          | 100 of 1,000                    | 10,000 | 1.6 | 1.5 | 1.5 |   0.2 |

    With 500 orders, 20 of 20,000 rows would lead in average precision as the best of 100 in 14 %.
    A skewness below 0 counts as 0, a normal distribution: the curve would have an upper end, and where it ends cannot
    be known from random orders. A gain beyond it would have no chance at all.
    """
    standard = (gains - gains.mean()) / gains.std()
    skew, ours = float((standard**3).mean()), -float(gains.mean() / gains.std())
    if skew < 1e-3:
        return NormalDist().cdf(-ours)
    shape = 4 / skew**2
    return float(gammaincc(shape, max(shape + ours * math.sqrt(shape), 0.0)))
