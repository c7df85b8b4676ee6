"""Scaling of features, fitted on the training rows only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.data.rows import Rows
from fcsearch.data.spec import Preprocessing
from fcsearch.data.splits import Indices, SplitRows
from fcsearch.errors import DataError

# Pixels share one unit, so a pixel that hardly ever changes (the border of a digit) is scaled by no less than this part
# of the typical deviation: else a single stray dot would weigh as much as dozens of deviations.
PIXEL_FLOOR = 0.1

_FIT_BYTES = 1 << 24
_APPLY_BYTES = 1 << 20  # what fits into a core's own cache


def preprocess(rows: Rows, split: SplitRows, preprocessing: Preprocessing) -> tuple[npt.NDArray[np.float32], ...]:
    """Scale the features of the training, validation and test rows.

    Pixels are brought into [0, 1]. Missing numbers of a table become the column's median, missing categories its most
    frequent one, and each category a 0/1 column of its own, which is not scaled; a category that no training row has
    is 0 in all of them.

    Args:
        rows: Features in the source's units.
        split: Row numbers of each split.
        preprocessing: `standardize`, `mean` or `none`.

    Returns:
        One (n, D) float32 array a split. A constant feature is 0 in the training rows (but for `none`) and is never
        divided by 0.

    Raises:
        DataError: a column of a table has no value in the training rows, or a value leaves float32's range.
    """
    parts = (split.train, split.val, split.test)
    try:
        with np.errstate(over="raise"):
            if rows.columns and (_has_categories(rows) or np.isnan(rows.X).any()):
                return _table(rows, parts, preprocessing)
            offset, factor = _fit(rows, split.train, preprocessing)
            return tuple(_apply(rows.X, part, offset, factor) for part in parts)
    except FloatingPointError as error:
        raise DataError(
            f"scaled features must stay within float32's range; found values outside ({error}). Look for wildly large "
            "values in a column that is nearly constant, and leave it out."
        ) from error


def _has_categories(rows: Rows) -> bool:
    return any(column.kind == "category" for column in rows.columns)


def _fit(rows: Rows, train: Indices, preprocessing: Preprocessing) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """What to subtract from each feature, and what to multiply it with afterwards; both (D,) float64."""
    dim = rows.X.shape[1]
    if preprocessing == "none":
        return np.zeros(dim), np.full(dim, rows.scale)
    from sklearn.preprocessing import StandardScaler  # takes most of a second

    scaler = StandardScaler()
    for block in _blocks(rows.X, train, _FIT_BYTES):
        # In float64, whatever the source: its own precision would not do for sums.
        scaler.partial_fit(rows.X[block].astype(np.float64))
    if preprocessing == "mean":
        return scaler.mean_, np.full(dim, rows.scale)
    deviation = scaler.scale_  # 1 where a feature is constant
    if rows.is_pixels:
        deviation = np.maximum(deviation, PIXEL_FLOOR * np.sqrt(scaler.var_.mean()))
    return scaler.mean_, 1 / deviation


def _apply(
    X: npt.NDArray[Any], rows: Indices, offset: npt.NDArray[Any], factor: npt.NDArray[Any]
) -> npt.NDArray[np.float32]:
    """(X[rows] - offset) * factor, block by block so that no second copy of the data stands in memory."""
    kind = np.float64 if X.dtype == np.float64 else np.float32
    offset, factor = offset.astype(kind), factor.astype(kind)
    out = np.empty((len(rows), X.shape[1]), dtype=np.float32)
    start = 0
    for block in _blocks(X, rows, _APPLY_BYTES):
        np.multiply(X[block] - offset, factor, out=out[start : start + len(block)], casting="same_kind")
        start += len(block)
    return out


def _blocks(X: npt.NDArray[Any], rows: Indices, size: int) -> Iterator[Indices]:
    step = max(1, size // (8 * X.shape[1]))
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _table(rows: Rows, parts: tuple[Indices, ...], preprocessing: Preprocessing) -> tuple[npt.NDArray[np.float32], ...]:
    """Impute, encode and scale the columns of a table."""
    train = rows.X[parts[0]]
    for place in np.flatnonzero(np.isnan(train).all(axis=0))[:1]:
        raise DataError(
            f"column {rows.columns[place].name!r} must have values in the training rows; found none there. Leave it "
            "out with the dataset option drop, or keep more training rows."
        )
    transform = _column_transformer(rows, preprocessing).fit(train)
    return tuple(_encode(transform, rows.X[part]) for part in parts)


def _encode(transform: Any, X: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    width = len(transform.get_feature_names_out())
    if not len(X):
        return np.empty((0, width), dtype=np.float32)
    return np.ascontiguousarray(transform.transform(X), dtype=np.float32)


def _column_transformer(rows: Rows, preprocessing: Preprocessing) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median"))
    if preprocessing != "none":
        numbers.steps.append(("scale", StandardScaler(with_std=preprocessing == "standardize")))
    categories = make_pipeline(
        SimpleImputer(strategy="most_frequent"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32),
    )
    places: dict[str, list[int]] = {"number": [], "category": []}
    for place, column in enumerate(rows.columns):
        places[column.kind].append(place)
    return ColumnTransformer(
        [("numbers", numbers, places["number"]), ("categories", categories, places["category"])], sparse_threshold=0
    )
