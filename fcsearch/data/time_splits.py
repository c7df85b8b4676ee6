"""Splits by time: the earliest rows are for training, later ones for validation, the latest for test."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from fcsearch.data.rows import Indices
from fcsearch.data.split_keys import SplitKey
from fcsearch.errors import DataError


def draw_times(key: SplitKey, pool: Indices, wanted: Sequence[tuple[str, float]]) -> dict[str, Indices]:
    """Cut rows in the order of time; rows of the same time stay together, and each cut is as near as possible.

    Args:
        key: The time of each row.
        pool: Rows to cut.
        wanted: Splits from the last to the first, and the fraction of the pool that each is to have.

    Returns:
        The rows of each split in `wanted`.

    Raises:
        DataError: there are too few different times for the fractions.
    """
    times, counts = np.unique(key.codes[pool], return_counts=True)
    before = np.concatenate([[0], np.cumsum(counts)])
    end, drawn, share = len(times), {}, 0.0
    for part, fraction in wanted:
        share += fraction
        start = int(np.abs(before - (1 - share) * len(pool)).argmin())
        if not 0 < start < end:
            raise DataError(
                f"column {key.column!r} must have enough different times for the fractions, as rows of one time stay "
                f"together; found {len(times)} in {len(pool):,} rows, which cannot be cut near to "
                f"{' and '.join(f'{name}_fraction {value:g}' for name, value in wanted)}. Give rows of more times, or "
                "other fractions."
            )
        inside = (key.codes[pool] >= times[start]) & (key.codes[pool] <= times[end - 1])
        drawn[part], end = pool[inside], start
    return drawn


def check_times(key: SplitKey, parts: Mapping[str, Indices]) -> None:
    """Refuse a split of the source whose rows are out of order; `parts` from the first to the last."""
    there = [(name, key.codes[rows]) for name, rows in parts.items() if len(rows)]
    for (earlier, codes), (later, others) in itertools.pairwise(there):
        if codes.max() > others.min():
            raise DataError(
                f"the {earlier} rows must come before the {later} rows in the order of {key.column!r}; found "
                f"{earlier} rows up to {key.text(codes.max())}, and {later} rows from {key.text(others.min())} on, in "
                "splits of the source. Give all rows as one file, to be split by time, or leave the dataset "
                "option time out."
            )
