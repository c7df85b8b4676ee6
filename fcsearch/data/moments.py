"""Statistics of the training rows, equal to scikit-learn's to the last bit, without its slow import."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Moments:
    """Mean and variance of each column, over blocks of rows that are added one by one.

    As `sklearn.preprocessing.StandardScaler.partial_fit`: in float64, by the corrected two-pass algorithm of Chan,
    Golub and LeVeque ("Algorithms for computing the sample variance", 1983).

    Attributes:
        count: Rows so far.
        mean, variance: (D,) float64.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: Array = np.zeros(1)
        self.variance: Array = np.zeros(1)

    def add(self, X: Array) -> None:
        """Add rows (N, D) without gaps; N is at least 1."""
        rows, before = len(X), self.count
        total = X.sum(axis=0, dtype=np.float64)
        gaps = X - total / rows
        correction = gaps.sum(axis=0)
        gaps **= 2
        squares = gaps.sum(axis=0) - correction**2 / rows
        last_sum, self.count = self.mean * before, before + rows
        if before:
            ratio = before / rows
            between = ratio / self.count * (last_sum / ratio - total) ** 2
            squares = self.variance * before + squares + between
        self.mean, self.variance = (last_sum + total) / self.count, squares / self.count

    @property
    def scale(self) -> Array:
        """(D,) the standard deviation of each column; 1 where it is constant, as far as float64 can tell."""
        eps = np.finfo(np.float64).eps
        constant = self.variance <= self.count * eps * self.variance + (self.count * self.mean * eps) ** 2
        return np.where(constant, 1.0, np.sqrt(self.variance))


def moments_of(X: Array) -> Moments:
    """The moments of rows (N, D) without gaps."""
    found = Moments()
    found.add(X)
    return found


def median(values: Array) -> float:
    """The median of the values (N,); NaN is a missing value."""
    return float(np.median(values[~np.isnan(values)]))


def most_frequent(values: Array) -> float:
    """The most frequent of the values (N,), the smallest in a tie; NaN is a missing value."""
    found, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    return float(found[np.argmax(counts)])


def with_medians(X: Array) -> Array:
    """A copy of X (N, D) with missing values replaced by the column's median."""
    return np.where(np.isnan(X), [median(column) for column in X.T], X)
