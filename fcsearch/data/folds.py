"""Folds: the rows that are not test rows, in parts; each part validates once, while the others train."""

from __future__ import annotations

import itertools
import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fcsearch.data.group_splits import free_groups
from fcsearch.data.rows import Indices
from fcsearch.data.split_keys import SplitKey
from fcsearch.errors import DataError

# Draws of groups; the first one that leaves every class training rows is taken.
_DRAWS = 64
_FEWER = "Lower the dataset option folds, or leave it out."


class Fold(NamedTuple):
    """The numbers of the rows that a fold trains on, and of those that it is measured on."""

    train: Indices
    val: Indices


def draw_folds(
    count: int, pool: Indices, y: npt.NDArray[Any], key: SplitKey | None, seed: int, *, stratified: bool
) -> list[Fold]:
    """Draw folds with scikit-learn's StratifiedKFold or StratifiedGroupKFold; by time, with expanding training rows.

    Rows of classes that are too rare to validate in every fold train in every fold. By time, the latest fold comes
    first.

    Args:
        count: How many.
        pool: The rows.
        y: (N,) classes; all equal for a regression.
        key: The column that rows are split by, if any: whole groups, or in the order of time.
        seed: Seed of the draws.
        stratified: Whether there are classes.

    Raises:
        DataError: too few rows, groups or times.
    """
    if key is None:
        return _by_rows(count, pool, y, seed, stratified=stratified)
    return _by_groups(count, pool, y, key, seed) if key.by == "group" else _by_time(count, pool, key)


def _by_rows(count: int, pool: Indices, y: npt.NDArray[Any], seed: int, *, stratified: bool) -> list[Fold]:
    from sklearn.model_selection import StratifiedKFold  # takes most of a second

    shared = pool[np.bincount(y[pool])[y[pool]] >= count]
    if len(np.unique(y[shared])) < 1 + stratified:
        needed = f"at least {count} rows of two classes" if stratified else f"at least {count} rows"
        raise DataError(f"{count} folds need {needed} beside the test rows; found too few. {_FEWER}")
    drawn = StratifiedKFold(count, shuffle=True, random_state=seed).split(shared, y[shared])
    return [_without(shared[val], pool) for _, val in drawn]


def _by_groups(count: int, pool: Indices, y: npt.NDArray[Any], key: SplitKey, seed: int) -> list[Fold]:
    from sklearn.model_selection import StratifiedGroupKFold

    free = free_groups(key.codes[pool], y[pool], int(y.max()) + 1)
    shared = pool[np.isin(key.codes[pool], free)]
    if len(free) < count or np.bincount(y[shared]).max() < count:
        raise DataError(
            f"{count} folds by groups of {key.column!r} need at least {count} groups that are not the only one of a "
            f"class; found {len(free)} beside the test rows. {_FEWER}"
        )
    for draw in range(_DRAWS):
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=(seed + draw) % 2**32)
        with warnings.catch_warnings():
            # A class with fewer rows than folds does not validate in each of them.
            warnings.simplefilter("ignore", UserWarning)
            drawn = [_without(shared[val], pool) for _, val in splitter.split(shared, y[shared], key.codes[shared])]
        if all(len(fold.val) and len(np.unique(y[fold.train])) == len(np.unique(y[pool])) for fold in drawn):
            return drawn
    raise DataError(
        f"{count} folds by groups of {key.column!r} must leave every class rows to train on; found none of {_DRAWS} "
        f"draws that does. {_FEWER}"
    )


def _by_time(count: int, pool: Indices, key: SplitKey) -> list[Fold]:
    """Parts of nearly equal size; the first is only for training; rows of the same time stay together."""
    codes = key.codes[pool]
    times, rows = np.unique(codes, return_counts=True)
    before = np.concatenate([[0], np.cumsum(rows)])
    cuts = [int(np.abs(before - part / (count + 1) * len(pool)).argmin()) for part in range(count + 2)]
    if any(end <= start for start, end in itertools.pairwise(cuts)):
        raise DataError(
            f"{count} folds in the order of {key.column!r} need {count + 1} parts of nearly equal size, where rows of "
            f"one time stay together; found {len(times)} times in {len(pool):,} rows beside the test rows. {_FEWER}"
        )
    part_of = np.searchsorted(cuts, np.searchsorted(times, codes), side="right") - 1
    return [Fold(pool[part_of < part], pool[part_of == part]) for part in range(count, 0, -1)]


def _without(val: Indices, pool: Indices) -> Fold:
    """The fold that validates on these rows of the pool."""
    return Fold(np.setdiff1d(pool, val), val)
