"""What is reached without a look at the features: the figure that a model must beat to have learned something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class BaseLine:
    """The best answer that ignores the features, on some rows.

    Attributes:
        answer: The one answer that it gives to every row: the commonest class.
        value: What that answer scores, in the measure that the trials are ranked by: the class's share of the rows.
        rows: How many rows that is.
    """

    answer: str
    value: float
    rows: int


def base_line(names: Sequence[str], counts: Sequence[int]) -> BaseLine:
    """The base line of classification by accuracy: always answer the commonest class.

    The base lines of other objectives belong beside this one (of squared error: always answer the mean).

    Args:
        names: Name of each class.
        counts: Rows of each class; their sum is at least 1.
    """
    commonest = max(range(len(counts)), key=counts.__getitem__)
    return BaseLine(answer=names[commonest], value=counts[commonest] / sum(counts), rows=sum(counts))


def beats(value: float, error: float, base: BaseLine) -> bool:
    """Whether a value measured with that standard error lies clear of the base line: by more than two of them."""
    return value - base.value > 2 * error
