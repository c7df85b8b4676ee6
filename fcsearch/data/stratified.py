"""Draws rows at random, of each class in proportion: the very rows that scikit-learn draws, without its import."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.data.rows import Indices


def draw_rows(
    rows: Indices, count: int, seed: int, *, classes: npt.NDArray[np.integer[Any]] | None
) -> tuple[Indices, Indices]:
    """Draw some rows; returns those that are left, and those that were drawn, both shuffled.

    As `sklearn.model_selection.train_test_split` does with `test_size`, `random_state` and `stratify`, to the last row:
    that import takes most of a second.

    Args:
        rows: (N,) row numbers.
        count: How many are drawn, from 1 to N - 1.
        seed: Of the draw.
        classes: (N,) the class of each row, of which each must have at least two; none may be left out of either side
            for want of rows. None: rows are drawn whatever they are.
    """
    # RandomState, as in scikit-learn: its streams are frozen.
    random = np.random.RandomState(seed)
    if classes is None:
        order = random.permutation(len(rows))
        return rows[order[count:]], rows[order[:count]]
    counts = np.unique(classes, return_counts=True)[1]
    of_class = np.split(np.argsort(classes, kind="stable"), np.cumsum(counts)[:-1])
    left = _shares(counts, len(rows) - count, random)
    drawn = _shares(counts - left, count, random)
    sides: tuple[list[Indices], list[Indices]] = ([], [])
    for places, first, second in zip(of_class, left, drawn, strict=True):
        shuffled = places[random.permutation(len(places))]
        sides[0].append(shuffled[:first])
        sides[1].append(shuffled[first : first + second])
    return rows[random.permutation(np.concatenate(sides[0]))], rows[random.permutation(np.concatenate(sides[1]))]


def _shares(counts: Indices, total: int, random: np.random.RandomState) -> Indices:
    """How many of each class make up a total, in proportion to its count; chance decides between equal remainders."""
    exact = counts / counts.sum() * total
    shares = np.floor(exact)
    missing = int(total - shares.sum())
    remainders = exact - shares
    for remainder in np.unique(remainders)[::-1]:
        if missing <= 0:
            break
        (alike,) = np.nonzero(remainders == remainder)
        chosen = random.choice(alike, size=min(len(alike), missing), replace=False)
        shares[chosen] += 1
        missing -= len(chosen)
    return np.asarray(shares, dtype=np.int64)
