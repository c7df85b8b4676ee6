"""Rows that are equal in every column that is used: how many there are, and one of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.data.dataset import Split
from fcsearch.data.rows import Indices, PartSizes, Rows
from fcsearch.data.splits import SplitRows
from fcsearch.errors import DataError
from fcsearch.wording import wording

_BLOCK_ROWS = 4096
# Larger sources, such as 50,000 colour images, are not searched for copies: it would take about a second.
_MOST_BYTES, _MOST_ROWS = 1 << 27, 1 << 21
# The odd constants of splitmix64, which mix the bits of a word.
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_PARTS = {"train": "training", "val": "validation", "test": "test"}


def count_copies(rows: Rows, split: SplitRows) -> dict[str, int]:
    """Copies of earlier rows among all `rows`, and the `val` and `test` rows with a twin in training; empty if none.

    With folds, `val` counts the validation rows of every fold, each beside its own training rows; and `test` counts the
    test rows with a twin in the training or validation rows of the first fold: the winner is trained again on both.
    """
    if rows.X.nbytes > _MOST_BYTES or len(rows.y) > _MOST_ROWS:
        return {}
    distinct, number = np.unique(_keys(rows), return_inverse=True)
    copies = len(number) - len(distinct)
    if not copies:
        return {}
    val = sum(_twins(number[fold.val], number[fold.train]) for fold in split.folds)
    learned = np.concatenate([split.train, split.val]) if split.others else split.train
    return {"rows": copies, "val": val, "test": _twins(number[split.test], number[learned])}


def _twins(measured: Indices, learned: Indices) -> int:
    """How many of the numbers of some rows are among those of others."""
    return int(np.isin(measured, learned).sum())


def row_keys(rows: Split) -> npt.NDArray[np.uint64]:
    """(N,) A number that rows of equal features and labels have in common, and others but by a chance of 2^-64 not."""
    return _keys(Rows(rows.X, rows.y, (), PartSizes(len(rows.y))))


def copies_words(found: dict[str, int], folds: int = 1) -> str:
    """What a user should know of copies, found by `count_copies` or dropped by `without_copies`; empty if nothing.

    Args:
        found: How many there are, or were dropped.
        folds: How many folds the rows are in; 1: one split.
    """
    if dropped := found.get("dropped"):
        given = [f"{found[name]:,} from {words}" for name, words in _PARTS.items() if name != "train" and found[name]]
        of_them = f" ({' and '.join(given)} rows of the source)" if given else ""
        return f"rows that equal earlier ones, dropped: {dropped:,}{of_them}"
    if not found.get("val") and not found.get("test"):
        return ""
    val, test = f"{found['val']:,} validation", f"{found['test']:,} test rows"
    return (
        f"{found['rows']:,} rows are copies of others in all columns used; "
        f"{f'{val} rows of the {folds} folds' if folds > 1 else val} and {test} have a twin in training, so figures on "
        f"them are too good. To keep one of each: {wording().dataset_option('copies', 'drop')}"
    )


def without_copies(rows: Rows) -> tuple[Rows, dict[str, int]]:
    """The rows without those that equal an earlier one; training rows come first, then validation rows.

    Returns:
        The rows that are kept; and how many were `dropped` in all, and of the splits of the source; empty if none.

    Raises:
        DataError: a split of the source would have no rows left.
    """
    first = np.sort(np.unique(_keys(rows), return_index=True)[1])
    dropped = len(rows.y) - len(first)
    if not dropped:
        return rows, {}
    ends = np.cumsum(dataclasses.astuple(rows.sizes))
    sizes = PartSizes(*np.diff(np.searchsorted(first, ends), prepend=0).tolist())
    gone = {name: getattr(rows.sizes, name) - getattr(sizes, name) for name in _PARTS}
    _require_rows(sizes, gone)
    return _of_rows(rows, first, sizes), {"dropped": dropped, **gone}


def _require_rows(sizes: PartSizes, gone: dict[str, int]) -> None:
    """Refuse a split of the source that consists of copies: another one would be drawn in its place."""
    for name, words in _PARTS.items():
        if gone[name] and not getattr(sizes, name):
            raise DataError(
                f"the {words} rows of the source must not all be copies of earlier rows if dataset option copies is "
                f"drop; found {gone[name]:,} rows, each of which equals one of an earlier split in all columns used. "
                f"Give {words} rows that are not among the others, or leave copies out."
            )


def _of_rows(rows: Rows, chosen: Indices, sizes: PartSizes) -> Rows:
    weights, key = rows.row_weights, rows.split_key
    return dataclasses.replace(
        rows,
        X=rows.X[chosen],
        y=rows.y[chosen],
        sizes=sizes,
        row_weights=None if weights is None else weights[chosen],
        split_key=None if key is None else key.of_rows(chosen),
    )


def _keys(rows: Rows) -> npt.NDArray[np.uint64]:
    """(N,) A number that equal rows have in common, and others but by a chance of 2^-64 not.

    Rows that differ in their weight, group or time alone are not equal: two customers may well have the same values.
    """
    keys = np.empty(len(rows.y), dtype=np.uint64)
    for start in range(0, len(keys), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        row = np.concatenate([*_bytes(rows, block)], axis=1)
        words = np.ascontiguousarray(np.pad(row, ((0, 0), (0, -row.shape[1] % 8)))).view(np.uint64)
        keys[block] = _hashed(words)
    return keys


def _bytes(rows: Rows, block: slice) -> Iterator[npt.NDArray[np.uint8]]:
    """(n, bytes) The values of everything that is used of some rows."""
    yield _same_bits(rows.X[block])
    for values in (rows.y, rows.row_weights, None if rows.split_key is None else rows.split_key.codes):
        if values is not None:
            yield _same_bits(values[block, None])


def _same_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """(n, bytes) Values (n, k) with one form of 0, and one of NaN."""
    values = np.ascontiguousarray(values + values.dtype.type(0))
    if values.dtype.kind == "f":
        values[np.isnan(values)] = np.nan
    return values.view(np.uint8)


def _hashed(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    places = np.random.default_rng(0).integers(1, 1 << 63, words.shape[1], dtype=np.uint64)
    mixed = words ^ places
    for factor, shift in zip(_MIX, (30, 27), strict=True):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * factor
    mixed ^= mixed >> np.uint64(31)
    return np.asarray((mixed * (places | np.uint64(1))).sum(axis=1, dtype=np.uint64))
