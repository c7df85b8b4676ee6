"""Splits that keep groups of rows whole."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.data.rows import Indices
from fcsearch.data.split_keys import SplitKey
from fcsearch.errors import DataError

# The best of these draws is taken: with a few large groups, one group more or less makes a great difference.
_DRAWS = 64


def draw_groups(
    key: SplitKey, pool: Indices, y: npt.NDArray[Any], wanted: Sequence[tuple[str, float]], seed: int
) -> dict[str, Indices]:
    """Draw whole groups for each split.

    Of several random draws of as many groups as the fraction says, the one is taken whose rows come nearest to the
    fraction of each class's rows, and which leaves every class training rows.

    Args:
        key: The group of each row.
        pool: Rows to draw from.
        y: (N,) classes; all equal for a regression.
        wanted: Splits to draw, and the fraction of the pool that each is to have.
        seed: Seed of the draws.

    Returns:
        The rows of each split in `wanted`.

    Raises:
        DataError: there are too few groups for the fractions, or for the classes.
    """
    total = len(np.unique(key.codes[pool]))
    _require_enough(key.column, total, wanted)
    rows, drawn = np.bincount(y[pool]), {}
    for part, fraction in wanted:
        chosen = _best_draw(key, pool, y, _count(fraction, total), fraction * rows, seed)
        drawn[part], pool = pool[chosen], pool[~chosen]
    return drawn


def check_groups(key: SplitKey, parts: Mapping[str, Indices]) -> None:
    """Refuse a split of the source that has rows of one group on two sides."""
    for (first, rows), (second, others) in itertools.combinations(parts.items(), 2):
        both = np.intersect1d(key.codes[rows], key.codes[others])
        if len(both):
            raise DataError(
                f"rows of one group of {key.column!r} must lie on one side of the split; found {len(both):,} groups, "
                f"such as {key.text(both[0])}, among the {first} and the {second} rows of the source. Give "
                "all rows as one file, to be split by groups, or leave the dataset option group out."
            )


def _count(fraction: float, total: int) -> int:
    return math.floor(fraction * total + 0.5)


def _require_enough(column: str, total: int, wanted: Sequence[tuple[str, float]]) -> None:
    counts = [_count(fraction, total) for _, fraction in wanted]
    if not wanted or (min(counts) >= 1 and sum(counts) < total):
        return
    shares = " and ".join(f"{part}_fraction {fraction:g} is {fraction * total:.2g}" for part, fraction in wanted)
    raise DataError(
        f"column {column!r} must have enough groups for the fractions; found {total}, of which {shares}, where each of "
        f"the {1 + len(wanted)} splits needs a group. Give rows of more groups, or other fractions: one group is "
        f"{1 / total:.2g}."
    )


def _best_draw(
    key: SplitKey, pool: Indices, y: npt.NDArray[Any], count: int, rows: npt.NDArray[Any], seed: int
) -> npt.NDArray[np.bool_]:
    """Which rows of the pool to take: those of `count` groups, close to `rows` of each class."""
    from sklearn.model_selection import ShuffleSplit  # takes most of a second

    codes, classes = key.codes[pool], y[pool]
    have = np.bincount(classes, minlength=len(rows))
    free = free_groups(codes, classes, len(rows))
    best, least = None, math.inf
    # scikit-learn's GroupShuffleSplit does this for all groups; here some of them are excluded.
    draws = ShuffleSplit(_DRAWS, test_size=count, random_state=seed).split(free) if len(free) > count else ()
    for _, places in draws:
        is_drawn = np.zeros(len(key.distinct), dtype=bool)
        is_drawn[free[places]] = True
        chosen = is_drawn[codes]
        found = np.bincount(classes[chosen], minlength=len(rows))
        distance = math.inf if (have[have > 0] == found[have > 0]).any() else float(np.abs(found - rows).sum())
        if distance < least:
            best, least = chosen, distance
    if best is None:
        raise DataError(
            f"every class must keep training rows in some group of {key.column!r}; found classes "
            f"in too few groups to take {count} of {len(np.unique(codes))} groups out. Give rows of more "
            "groups, or lower val_fraction or test_fraction."
        )
    return best


def free_groups(codes: Indices, classes: npt.NDArray[Any], num_classes: int) -> Indices:
    """The groups that may leave the training rows: those that are not the only group of a class."""
    pairs = np.unique(codes * num_classes + classes)
    groups, of_class = pairs // num_classes, pairs % num_classes
    bound = groups[np.bincount(of_class, minlength=num_classes)[of_class] == 1]
    return np.setdiff1d(groups, bound)
