"""The base line: the best figure without looking at the features, which a model must beat to have learned something."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.config.objective import OBJECTIVES


@dataclass(frozen=True)
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
        return f"always answering {self.answer!r}, the commonest class"


def base_line(
    names: Sequence[str], counts: Sequence[int], objective: str = "accuracy", *, positive: int = 1
) -> BaseLine:
    """The base line of a classification.

    Args:
        names: Name of each class.
        counts: Rows of each class; their sum is at least 1.
        objective: The figure that it is measured in.
        positive: Of two classes the one that `average_precision` finds.
    """
    commonest = max(range(len(counts)), key=counts.__getitem__)
    shares = [count / sum(counts) for count in counts if count]
    largest, classes = max(shares), len(shares)
    values: dict[str, float] = {
        "accuracy": largest,
        "balanced_accuracy": 1 / classes,
        "f1_macro": 2 * largest / (1 + largest) / classes,
        "roc_auc": 0.5,
        # Of more than two classes it is the mean over the classes.
        "average_precision": counts[positive] / sum(counts) if len(counts) == 2 else 1 / classes,
        "log_loss": -math.fsum(share * math.log(share) for share in shares),
    }
    answer = names[commonest] if objective in ("accuracy", "balanced_accuracy", "f1_macro") else ""
    return BaseLine(answer, values[objective], sum(counts), objective)


def base_line_of_targets(targets: npt.NDArray[Any], objective: str) -> BaseLine:
    """The base line of a regression: always answer the mean of these targets, or for MAE the median.

    Args:
        targets: (N,) in their own unit; N is at least 1.
        objective: `rmse`, `mae` or `r2`.
    """
    middle = float(np.median(targets) if objective == "mae" else targets.mean())
    errors = targets - middle
    values = {"rmse": float(np.sqrt(np.square(errors).mean())), "mae": float(np.abs(errors).mean()), "r2": 0.0}
    return BaseLine(OBJECTIVES["mae"].show(middle), values[objective], len(targets), objective)


def beats(value: float, error: float, base: BaseLine) -> bool:
    """Whether a value is better than the base line by more than two of its standard errors."""
    objective = OBJECTIVES[base.objective]
    return objective.gain(value) - objective.gain(base.value) > 2 * error
