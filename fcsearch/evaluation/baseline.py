"""The baseline: the best figure without looking at the features, which a model must beat to have learned something."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.config.objective import OBJECTIVES


@dataclasses.dataclass(frozen=True)
class BaseLine:
    """The best answer that ignores the features, on some rows.

    Attributes:
        answer: The answer for every row: the commonest class, or the mean or median of a regression's targets.
            Empty if the answers are random, or are the classes' shares.
        value: Its score in the objective.
        rows: The number of rows.
        objective: The figure that the trials are ranked by: a key of OBJECTIVES.
    """

    answer: str
    value: float
    rows: int
    objective: str = "accuracy"

    @property
    def method(self) -> str:
        """The way of answering, in words."""
        if self.objective == "log_loss":
            return "always answering the shares of the classes"
        if self.objective in ("roc_auc", "average_precision"):
            return "ranking the rows at random"
        if OBJECTIVES[self.objective].task == "regression":
            return f"always answering the {'median' if self.objective == 'mae' else 'mean'} ({self.answer})"
        return f"{self.short}, the commonest class"

    @property
    def short(self) -> str:
        """The same, without the reason for the answer."""
        named = self.objective in ("accuracy", "balanced_accuracy", "f1_macro")
        return f"always answering {self.answer!r}" if named else self.method


def base_line(
    names: Sequence[str],
    counts: Sequence[int],
    objective: str = "accuracy",
    *,
    positive: int = 1,
    known: Sequence[int] | None = None,
) -> BaseLine:
    """The baseline of a classification.

    Args:
        names: Name of each class.
        counts: Rows of each class; their sum is at least 1.
        objective: The figure that it is measured in.
        positive: Of two classes the one that `average_precision` finds.
        known: Rows of each class by which it is answered, at least as many; None: those that are measured.
    """
    known = known or counts
    answer = max(range(len(known)), key=known.__getitem__)
    hits, classes = counts[answer] / sum(counts), sum(map(bool, counts))
    surprises = [n / sum(counts) * math.log(mine / sum(known)) for n, mine in zip(counts, known, strict=True) if n]
    values: dict[str, float] = {
        "accuracy": hits,
        "balanced_accuracy": (hits > 0) / classes,
        "f1_macro": 2 * hits / (1 + hits) / classes,
        "roc_auc": 0.5,
        "average_precision": _random_precision([counts[positive]] if len(counts) == 2 else counts, sum(counts)),
        "log_loss": max(0.0, -math.fsum(surprises)),
    }
    name = names[answer] if objective in ("accuracy", "balanced_accuracy", "f1_macro") else ""
    return BaseLine(name, values[objective], sum(counts), objective)


def base_line_of_folds(
    names: Sequence[str], folds: Sequence[Sequence[int]], objective: str = "accuracy", *, positive: int = 1
) -> BaseLine:
    """The baseline of a figure that is the mean over folds: the mean of theirs, with one answer in all of them.

    Args:
        names: Name of each class.
        folds: Validation rows of each class in each fold, each at least one.
        objective: As `base_line`, like `positive`.
        positive: Likewise.
    """
    known = [sum(counts) for counts in zip(*folds, strict=True)]
    return _mean([base_line(names, counts, objective, positive=positive, known=known) for counts in folds])


def base_line_of_targets(targets: npt.NDArray[Any], objective: str, *, answer: float | None = None) -> BaseLine:
    """The baseline of a regression: always answer the mean of these targets, or the median where MAE counts.

    Args:
        targets: (N,) in their own unit; N is at least 1.
        objective: `rmse`, `mae` or `r2`.
        answer: What is answered in their place.
    """
    middle = middle_of(targets, objective) if answer is None else answer
    errors = targets - middle
    spread = float(np.square(targets - targets.mean()).mean())
    explained = 0.0 if answer is None or not spread else 1 - float(np.square(errors).mean()) / spread
    values = {"rmse": float(np.sqrt(np.square(errors).mean())), "mae": float(np.abs(errors).mean()), "r2": explained}
    return BaseLine(OBJECTIVES["mae"].show(middle), values[objective], len(targets), objective)


def base_line_of_target_folds(folds: Sequence[npt.NDArray[Any]], objective: str) -> BaseLine:
    """As `base_line_of_folds`, of a regression; arguments as `base_line_of_targets`, for each fold."""
    answer = middle_of(np.concatenate(list(folds)), objective)
    return _mean([base_line_of_targets(targets, objective, answer=answer) for targets in folds])


def _random_precision(counts: Sequence[int], rows: int) -> float:
    """The expected average precision of a random order of the rows, the mean over the classes that have rows.

    A row of the class, of which there are m of n, is at place k with a probability of 1/n, and each of the k - 1 rows
    above it is of the class with one of (m - 1)/(n - 1). So the expected precision at its place, averaged over the
    places, is (H + (m - 1)/(n - 1) (n - H)) / n, where H = 1 + 1/2 + ... + 1/n. It is above the share m/n.
    """
    harmonic = float((1 / np.arange(1, rows + 1)).sum())
    found = [(harmonic + (count - 1) / max(rows - 1, 1) * (rows - harmonic)) / rows for count in counts if count]
    return math.fsum(found) / len(found) if found else 0.0


def middle_of(targets: npt.NDArray[Any], objective: str) -> float:
    """The one answer for every row of a regression: the mean of its targets, or the median where MAE counts."""
    return float(np.median(targets) if objective == "mae" else targets.mean())


def _mean(lines: Sequence[BaseLine]) -> BaseLine:
    value, rows = math.fsum(line.value for line in lines) / len(lines), sum(line.rows for line in lines)
    return dataclasses.replace(lines[0], value=value, rows=rows)
