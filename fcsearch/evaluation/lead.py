"""A model compared with the baseline on the same rows: whether chance explains that it is better."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import gammainc, gammaincc
from torch import Tensor

from fcsearch.config.objective import OBJECTIVES
from fcsearch.evaluation.uncertainty import paired_share_error
from fcsearch.training.objectives import FIGURES, Truth

# Figures that are no means over rows: rows cannot be paired, so the model's answers are shuffled among them.
_SHUFFLED = ("balanced_accuracy", "f1_macro", "roc_auc", "average_precision")
# What two standard errors leave on one side, rounded.
_RARE = 0.025
_MOST_SHUFFLES, _FEWEST_SHUFFLES, _SHUFFLED_SCORES = 500, 100, 4_000_000
# Before they are shuffled, rows are thinned to this many scores of all classes, but to no fewer rows than that.
_MOST_SCORES, _LEFT_ROWS = 40_000, 2_000
# With fewer orders that do as well, their share is too rough, and that of a curve through their moments is taken.
_ENOUGH = 10


@dataclasses.dataclass(frozen=True)
class Lead:
    """By how much a model is better than the baseline of the same rows.

    Attributes:
        gain: The difference in the objective, negative if the model is worse.
        error: Its standard error; None where `chance` takes its place.
        chance: The share of random orders of the model's answers, among the rows, whose figure is at least as good.
        paired: Whether the error is that of the difference row by row; else it is that of the model's figure alone.
    """

    gain: float
    error: float | None = None
    chance: float | None = None
    paired: bool = True

    @property
    def is_real(self) -> bool:
        """Whether the model is better by more than chance explains: two standard errors, or 1 order of 40."""
        return self.is_real_among(1)

    def is_real_among(self, measurements: int) -> bool:
        """The same where it is the best of that many measurements on these rows (Bonferroni)."""
        rare = _RARE / measurements
        if self.chance is not None:
            return self.gain > 0 and self.chance <= rare
        # The normal quantile of 1 in 40 is 1.96.
        errors = max(2.0, -NormalDist().inv_cdf(rare))
        return self.error is not None and self.gain > errors * self.error


def lead_of(objective: str, gain: float, parts: Sequence[tuple[Tensor, Truth]]) -> Lead:
    """The lead of a model whose figure is the mean over the parts.

    For a mean over rows (accuracy, log loss, the errors of a regression) it has the standard error of the differences
    row by row: a row that is easy or hard for both cancels out (for accuracy this is McNemar's test, for RMSE and R2
    squared errors are compared). For rankings and means over classes it has the share of 100 to 500 random orders of
    the model's answers that do as well (a permutation test; for ROC AUC that of Mann and Whitney), drawn by seed 0.
    Below 10 such orders the share is that of a Pearson III curve with the orders' mean, variance and skewness. Of more
    than 20,000 rows (with C classes 40,000 / C, but at least 2,000) only so many are shuffled, as many of each class,
    or all of a rarer one.

    Args:
        objective: A key of OBJECTIVES.
        gain: By how much the model's figure is better than the baseline's.
        parts: Scores (1, C, V) and the truth of their rows; with folds one for each fold.
    """
    if objective in _SHUFFLED:
        return Lead(gain, chance=_chance(objective, parts))
    answer = _common_answer(objective, parts)
    errors = [_paired_error(objective, scores, truth, answer) for scores, truth in parts]
    return Lead(gain, math.sqrt(math.fsum(error**2 for error in errors)) / len(errors))


def _common_answer(objective: str, parts: Sequence[tuple[Tensor, Truth]]) -> float:
    """What the baseline answers for every row: the commonest class, or the mean or median of the targets."""
    y = torch.cat([truth.y for _, truth in parts])
    if parts[0][1].num_classes:
        return float(torch.bincount(y, minlength=parts[0][1].num_classes).argmax())
    return float(np.median(y.numpy()) if objective == "mae" else y.mean())


def _paired_error(objective: str, scores: Tensor, truth: Truth, answer: float) -> float:
    """The standard error of the difference between the baseline and a model, by their differences on each row."""
    if objective == "accuracy":
        return paired_share_error(scores[0].max(0).indices == truth.y, truth.y == int(answer))
    if objective == "log_loss":
        shares = torch.bincount(truth.y, minlength=truth.num_classes).double() / len(truth.y)
        ours = -torch.log_softmax(scores[0], 0).gather(0, truth.y.unsqueeze(0))[0]
        return _mean_error(ours + shares[truth.y].log())
    ours, theirs = (scores[0, 0] - truth.y).double(), truth.y.double() - answer
    if objective == "mae":
        return truth.scale * _mean_error(ours.abs() - theirs.abs())
    error = _mean_error(ours.square() - theirs.square())
    if objective == "r2":
        return error / max(float(truth.y.double().var(correction=0)), 1e-300)
    # The difference of two roots is that of the squares, divided by the sum of the roots.
    roots = float(ours.square().mean().sqrt() + theirs.square().mean().sqrt())
    return truth.scale * error / max(roots, 1e-300)


def _mean_error(differences: Tensor) -> float:
    """The standard error of their mean; of a single one, itself."""
    if len(differences) == 1:
        return abs(float(differences[0]))
    return float(differences.double().std()) / math.sqrt(len(differences))


def _chance(objective: str, parts: Sequence[tuple[Tensor, Truth]]) -> float:
    """The share of random orders of the answers whose figure is at least as good; the order found is one of them."""
    rng, figure = np.random.default_rng(0), FIGURES[objective]
    most = max(_MOST_SCORES // parts[0][1].num_classes, _LEFT_ROWS)
    if sum(len(truth.y) for _, truth in parts) > most:
        parts = [_thinned(scores, truth, most // len(parts), rng) for scores, truth in parts]
    size = sum(scores.numel() for scores, _ in parts)
    count = min(max(_SHUFFLED_SCORES // size, _FEWEST_SHUFFLES), _MOST_SHUFFLES)
    found = sum(float(figure(scores, truth)) for scores, truth in parts)
    gains = np.empty(count)
    for order in range(count):
        shuffled = [(scores[..., rng.permutation(len(truth.y))], truth) for scores, truth in parts]
        gains[order] = OBJECTIVES[objective].gain(sum(float(figure(*part)) for part in shuffled) - found)
    reached = int((gains >= -1e-12).sum())
    if reached < _ENOUGH and gains.std() > 0:
        return _tail(gains)
    return (1 + reached) / (1 + count)


def _thinned(scores: Tensor, truth: Truth, rows: int, rng: np.random.Generator) -> tuple[Tensor, Truth]:
    """About that many of the rows, drawn by their class alone: where answers say nothing, any order stays as likely."""
    order, sizes = torch.from_numpy(rng.permutation(len(truth.y))), torch.bincount(truth.y)
    left = order[:0]
    for place, label in enumerate(sizes.argsort().tolist()):
        # What rarer classes leave over goes to the others.
        share = (rows - len(left)) // (len(sizes) - place)
        left = torch.cat([left, order[truth.y[order] == label][:share]])
    return scores[..., left], dataclasses.replace(truth, y=truth.y[left])


def _tail(gains: npt.NDArray[np.float64]) -> float:
    """The share of a Pearson III distribution with these gains' moments that lies above 0."""
    ours = (0.0 - gains.mean()) / gains.std()
    skew = float((((gains - gains.mean()) / gains.std()) ** 3).mean())
    if abs(skew) < 1e-3:
        return NormalDist().cdf(-ours)
    shape = 4 / skew**2
    bound = max(shape + math.copysign(1.0, skew) * ours * math.sqrt(shape), 0.0)
    return float(gammaincc(shape, bound) if skew > 0 else gammainc(shape, bound))
