"""The objectives of a search, for all members at once, computed on the device of the scores.

Definitions are those of scikit-learn (`sklearn.metrics`); the tests compare them. M members, C classes, V rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor


@dataclasses.dataclass(frozen=True)
class Truth:
    """The labels or targets of some rows, to compare scores with.

    Attributes:
        y: (V,) int64 labels, or standardised targets in the scores' dtype.
        num_classes: C; 0 for a regression.
        positive: Of two classes, the one that `average_precision` is measured for: usually the rarer one.
        scale: The value of a standardised target of 1 in the unit of the target.
    """

    y: Tensor
    num_classes: int
    positive: int = 1
    scale: float = 1.0


def accuracy(scores: Tensor, truth: Truth) -> Tensor:
    """Fraction of rows whose highest score is that of their class."""
    return _right(scores, truth).mean(1)


def balanced_accuracy(scores: Tensor, truth: Truth) -> Tensor:
    """Mean of the classes' recalls, over the classes that have rows."""
    confusion = _confusion(scores, truth)
    rows = confusion.sum(1)
    recalls = confusion.diagonal(dim1=1, dim2=2) / rows.clamp(min=1)
    return recalls.sum(1) / (rows > 0).sum(1)


def f1_macro(scores: Tensor, truth: Truth) -> Tensor:
    """Mean of the classes' F1, over the classes that have rows or are predicted."""
    confusion = _confusion(scores, truth)
    hits = confusion.diagonal(dim1=1, dim2=2)
    involved = confusion.sum(1) + confusion.sum(2)
    return (2 * hits / involved.clamp(min=1)).sum(1) / (involved > 0).sum(1)


def roc_auc(scores: Tensor, truth: Truth) -> Tensor:
    """Probability that a row of a class scores higher for it than a row of another; ties count half."""
    return _one_against_rest(scores, truth, _area)


def average_precision(scores: Tensor, truth: Truth) -> Tensor:
    """Mean, over the rows of a class, of the precision at their score."""
    return _one_against_rest(scores, truth, _precision)


def log_loss(scores: Tensor, truth: Truth) -> Tensor:
    """Mean negative logarithm of the softmax of the right class."""
    log_p = torch.log_softmax(scores, 1)
    return -log_p.gather(1, truth.y.expand(len(scores), 1, -1)).mean((1, 2))


def rmse(scores: Tensor, truth: Truth) -> Tensor:
    """Root of the mean squared error, in the target's unit."""
    return _errors(scores, truth).square().mean(1).sqrt() * truth.scale


def mae(scores: Tensor, truth: Truth) -> Tensor:
    """Mean absolute error, in the target's unit."""
    return _errors(scores, truth).abs().mean(1) * truth.scale


def r2(scores: Tensor, truth: Truth) -> Tensor:
    """1 - (squared errors) / (squared deviations from the rows' own mean); not finite where all targets are equal."""
    y = truth.y.to(scores.dtype)
    # The mean of equal numbers may be off by rounding.
    spread = (y - y.mean()).square().sum() * (y.max() > y.min())
    return 1 - _errors(scores, truth).square().sum(1) / spread


# (scores (M, C, V), truth) -> (M,); a regression has C = 1.
FIGURES: dict[str, Callable[[Tensor, Truth], Tensor]] = {
    figure.__name__: figure
    for figure in (accuracy, balanced_accuracy, f1_macro, roc_auc, average_precision, log_loss, rmse, mae, r2)
}


def _right(scores: Tensor, truth: Truth) -> Tensor:
    # The indices of `max`: `argmax` was seen six times slower on a CPU. The first of equal scores counts.
    return (scores.max(1).indices == truth.y).to(scores.dtype)


def _confusion(scores: Tensor, truth: Truth) -> Tensor:
    """(M, predicted, true) counts."""
    classes = torch.arange(truth.num_classes, device=scores.device)
    predicted = (scores.max(1).indices.unsqueeze(1) == classes.unsqueeze(1)).to(scores.dtype)
    return predicted @ (truth.y.unsqueeze(1) == classes).to(scores.dtype)


def _errors(scores: Tensor, truth: Truth) -> Tensor:
    return scores.squeeze(1) - truth.y


def _one_against_rest(scores: Tensor, truth: Truth, figure: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """With two classes the positive one's figure; with more the mean over classes that have rows and a rest."""
    if truth.num_classes == 2:
        margin = scores[:, truth.positive] - scores[:, 1 - truth.positive]
        return figure(margin, truth.y == truth.positive)
    probabilities = torch.softmax(scores, 1)
    found = [figure(probabilities[:, label].contiguous(), truth.y == label) for label in torch.unique(truth.y).tolist()]
    return torch.stack(found).mean(0)


def _area(values: Tensor, positive: Tensor) -> Tensor:
    """Area under the ROC curve of values (M, V), from the ranks of the positive rows; NaN if a side has no rows."""
    ordered = values.sort(1).values
    mine = values[:, positive].contiguous()
    ranks = torch.searchsorted(ordered, mine) + torch.searchsorted(ordered, mine, right=True)
    count, rest = mine.shape[1], values.shape[1] - mine.shape[1]
    # The mean rank from 1 of equal values is (left + right + 1) / 2.
    return ((ranks.to(values.dtype) + 1).sum(1) / 2 - count * (count + 1) / 2) / (count * rest)


def _precision(values: Tensor, positive: Tensor) -> Tensor:
    """Average precision of values (M, V)."""
    mine = values[:, positive].sort(1).values.contiguous()
    above = values.shape[1] - torch.searchsorted(values.sort(1).values, mine)
    hits = mine.shape[1] - torch.searchsorted(mine, mine)
    return (hits.to(values.dtype) / above).mean(1)
