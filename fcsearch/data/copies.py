"""Rows that are equal in every column that is used: how many there are, and one of each."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from fcsearch.data.dataset import Split
from fcsearch.data.rows import PartSizes, Rows
from fcsearch.data.splits import SplitRows
from fcsearch.wording import wording

_BLOCK_ROWS = 4096
# Larger sources, such as 50,000 colour images, are not searched for copies: it would take about a second.
_MOST_BYTES = 1 << 27
# The odd constants of splitmix64, which mix the bits of a word.
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def count_copies(rows: Rows, split: SplitRows) -> dict[str, int]:
    """Copies of earlier rows among all `rows`, and the `val` and `test` rows with a twin in training; empty if none."""
    if rows.X.nbytes > _MOST_BYTES:
        return {}
    keys = _keys(rows)
    copies = len(keys) - len(np.unique(keys))
    if not copies:
        return {}
    val, test = (int(np.isin(keys[part], keys[split.train]).sum()) for part in (split.val, split.test))
    return {"rows": copies, "val": val, "test": test}


def row_keys(rows: Split) -> npt.NDArray[np.uint64]:
    """(N,) A number that rows of equal features and labels have in common, and others but by a chance of 2^-64 not."""
    return _keys(Rows(rows.X, rows.y, (), PartSizes(len(rows.y))))


def copies_words(found: dict[str, int]) -> str:
    """What a user should know of `count_copies`; empty unless rows to measure on have twins in training."""
    if not found.get("val") and not found.get("test"):
        return ""
    return (
        f"{found['rows']:,} rows are copies of others in all columns used; {found['val']:,} validation and "
        f"{found['test']:,} test rows have a twin in training, so figures on them are too good. To keep one of each: "
        f"{wording().dataset_option('copies', 'drop')}"
    )


def without_copies(rows: Rows) -> Rows:
    """The rows without those that equal an earlier one; training rows come first, then validation rows."""
    first = np.sort(np.unique(_keys(rows), return_index=True)[1])
    ends = np.cumsum([rows.sizes.train, rows.sizes.val, rows.sizes.test])
    sizes = PartSizes(*np.diff(np.searchsorted(first, ends), prepend=0).tolist())
    weights, key = rows.row_weights, rows.split_key
    return dataclasses.replace(
        rows,
        X=rows.X[first],
        y=rows.y[first],
        sizes=sizes,
        row_weights=None if weights is None else weights[first],
        split_key=None if key is None else key.of_rows(first),
    )


def _keys(rows: Rows) -> npt.NDArray[np.uint64]:
    """(N,) A number that equal rows have in common, and others but by a chance of 2^-64 not."""
    keys = np.empty(len(rows.y), dtype=np.uint64)
    for start in range(0, len(keys), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        # 0 is added so that -0 is 0.
        features = np.ascontiguousarray(rows.X[block] + rows.X.dtype.type(0)).view(np.uint8)
        label = np.ascontiguousarray(rows.y[block])[:, None].view(np.uint8)
        row = np.concatenate([features, label], axis=1)
        words = np.ascontiguousarray(np.pad(row, ((0, 0), (0, -row.shape[1] % 8)))).view(np.uint64)
        keys[block] = _hashed(words)
    return keys


def _hashed(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    places = np.random.default_rng(0).integers(1, 1 << 63, words.shape[1], dtype=np.uint64)
    mixed = words ^ places
    for factor, shift in zip(_MIX, (30, 27), strict=True):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * factor
    mixed ^= mixed >> np.uint64(31)
    return np.asarray((mixed * (places | np.uint64(1))).sum(axis=1, dtype=np.uint64))
