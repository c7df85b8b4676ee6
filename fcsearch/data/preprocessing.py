"""Fits the transform of a dataset's features, on the training rows only."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.data.encodings import Affine, Encoding, joined
from fcsearch.data.facts import ColumnsError
from fcsearch.data.fit_encodings import Fit, fit_numbers
from fcsearch.data.moments import Moments, median, moments_of, most_frequent, with_medians
from fcsearch.data.option_values import Preprocessing
from fcsearch.data.rows import Column, Indices, Rows
from fcsearch.data.transform import CategoryInput, FeatureTransform, NumberInput, TargetScale
from fcsearch.errors import DataError

# Pixels share one unit. A pixel that hardly ever changes (the border of a digit) is divided by at least this fraction
# of the typical deviation: otherwise a single stray dot would become dozens of deviations.
PIXEL_FLOOR = 0.1

_FIT_BYTES = 1 << 24

Array = npt.NDArray[Any]


def fit_transform(
    rows: Rows, train: Indices, preprocessing: Preprocessing, bins: int | None = None
) -> FeatureTransform:
    """Fit the transform from a source's columns to features.

    Pixels are scaled to [0, 1]. In tables, missing numbers become the column's median and missing categories its most
    frequent one; each category becomes a 0/1 column of its own, which is not scaled; a category that no training row
    has is 0 in all of them. A constant feature is 0 in the training rows (except with `none`) and never divided by 0.
    The hour of a date is a feature if a training row has a time of day.

    Args:
        rows: Features in the source's units.
        train: Row numbers of the training split.
        preprocessing: One of those of a dataset, except `auto`.
        bins: Bins of a number, for `piecewise`.

    Raises:
        DataError: a column of a table has no value in the training rows, or pixels do not allow this preprocessing.
    """
    fit = fit_numbers(preprocessing, bins)
    if fit and rows.is_pixels:
        raise DataError(
            f"preprocessing of pixels must be standardize, mean or none; found {preprocessing}, which is for columns "
            "with units of their own. Choose another one."
        )
    if rows.columns:
        inputs = _columns(_without_midnights(rows, train), train, preprocessing, fit)
    else:
        inputs = (_whole(rows, train, preprocessing, fit),)
    return FeatureTransform(
        inputs=inputs,
        dtype="float64" if rows.X.dtype == np.float64 else "float32",
        class_names=rows.class_names,
        label=rows.label,
        classes_by_place=rows.classes_by_place,
        target=None if rows.class_names else _target_scale(rows.y[train]),
        unused=tuple(facts.name for facts in rows.facts if facts.use not in ("used", "label")),
        decimal=rows.decimal,
        decimal_given=rows.decimal_given,
        delimiter=rows.delimiter,
    )


def _without_midnights(rows: Rows, train: Indices) -> Rows:
    """The rows without the hours of dates that have no time of day in any training row."""
    columns = enumerate(rows.columns)
    hours = {place: rows.X[train, place] for place, column in columns if column.reading == "hour"}
    midnights = {place for place, of in hours.items() if not np.nan_to_num(of).any()}
    return _with_columns(rows, [place not in midnights for place in range(len(rows.columns))])


def _with_columns(rows: Rows, chosen: Sequence[bool]) -> Rows:
    """The rows with some of their columns."""
    if all(chosen):
        return rows
    return dataclasses.replace(rows, X=rows.X[:, chosen], columns=tuple(itertools.compress(rows.columns, chosen)))


def _target_scale(y: Array) -> TargetScale:
    """Mean and deviation of the training targets."""
    return TargetScale(float(y.mean()), float(y.std()) or 1.0)


def raw_matrix(rows: Rows, transform: FeatureTransform) -> Array:
    """The rows as the transform takes them: the columns that it reads, categories as indices into those it knows."""
    read = {(item.name, "number" if item.kind == "category" else item.reading) for item in transform.inputs}
    rows = _with_columns(rows, [_origin(column) in read for column in rows.columns])
    codes = {}
    places = [place for place, column in enumerate(rows.columns) if column.kind == "category"]
    known = [item.categories for item in transform.inputs if item.kind == "category"]
    for place, categories in zip(places, known, strict=True):
        if categories != rows.columns[place].categories:
            code_of = {name: code for code, name in enumerate(categories)}
            codes[place] = np.array([code_of.get(name, -1) for name in rows.columns[place].categories])
    if not codes:
        return rows.X
    X = rows.X.copy()
    for place, code in codes.items():
        there = ~np.isnan(X[:, place])
        X[there, place] = code[X[there, place].astype(np.int64)]
    return X


def _whole(rows: Rows, train: Indices, preprocessing: Preprocessing, fit: Fit | None) -> NumberInput:
    """The input if a row is an image or a list of numbers."""
    encoding: Encoding
    if fit:
        encoding = joined([fit(rows.X[train, place].astype(np.float64)) for place in range(rows.X.shape[1])])
    else:
        offset, factor = _scaling(rows, train, preprocessing)
        encoding = Affine(tuple(offset.tolist()), tuple(factor.tolist()))
    shape = rows.image_shape or (rows.X.shape[1],)
    pixels = rows.X.dtype == np.uint8
    return NumberInput(
        rows.column, rows.layout, shape, encoding, pixels=pixels, resized=rows.resized, upright=len(shape) == 3
    )


def _scaling(rows: Rows, train: Indices, preprocessing: Preprocessing) -> tuple[Array, Array]:
    """What to subtract from each feature, and what to multiply it by afterwards; both (D,) float64."""
    dim = rows.X.shape[1]
    if preprocessing == "none":
        return np.zeros(dim), np.full(dim, rows.scale)
    moments = Moments()
    for block in _blocks(rows.X, train, _FIT_BYTES):
        # In float64, whatever the source: its own precision is too low for sums.
        moments.add(rows.X[block].astype(np.float64))
    if preprocessing == "mean":
        return moments.mean, np.full(dim, rows.scale)
    deviation = moments.scale
    if rows.is_pixels:
        deviation = np.maximum(deviation, PIXEL_FLOOR * np.sqrt(moments.variance.mean()))
    return moments.mean, 1 / deviation


def _blocks(X: Array, rows: Indices, size: int) -> Iterator[Indices]:
    step = max(1, size // (8 * X.shape[1]))
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _columns(
    rows: Rows, train: Indices, preprocessing: Preprocessing, fit: Fit | None
) -> tuple[NumberInput | CategoryInput, ...]:
    """The inputs of a table."""
    X = rows.X[train]
    if empty := [column.name for column, gone in zip(rows.columns, np.isnan(X).all(axis=0), strict=True) if gone]:
        problems = {
            name: f"column {name!r} must have values in the training rows; found none there. Leave it out, or "
            "keep more training rows."
            for name in empty
        }
        raise ColumnsError("the dataset", problems, rows.facts)
    fills, encodings = _fills(X, rows.columns), _encodings(rows, X, train, preprocessing, fit)
    inputs: list[NumberInput | CategoryInput] = []
    for _, group in itertools.groupby(enumerate(rows.columns), key=lambda item: _origin(item[1])):
        places = [place for place, _ in group]
        column = rows.columns[places[0]]
        if column.kind == "category":
            inputs.append(_categories(X[:, places[0]], column, int(fills[places[0]])))
            continue
        encoding = joined([encodings[place] for place in places])
        if column.list_name is None:
            fill = float(fills[places[0]])
            inputs.append(
                NumberInput(column.name, "number", (), encoding, fill=fill, reading=column.reading, zoned=column.zoned)
            )
        else:
            inputs.append(NumberInput(column.list_name, "list", (len(places),), encoding))
    return tuple(inputs)


def _origin(column: Column) -> tuple[str, str]:
    """What the numbers of one list have in common, and no other columns."""
    return column.list_name or column.name, column.reading


def _categories(codes: Array, column: Column, fill: int) -> CategoryInput:
    seen = np.unique(codes[~np.isnan(codes)]).astype(np.int64)
    return CategoryInput(column.name, tuple(column.categories[code] for code in seen), column.categories[fill])


def _fills(X: Array, columns: tuple[Column, ...]) -> Array:
    """The median of each number, and the code of each most frequent category."""
    fills = np.full(len(columns), np.nan)
    for place, column in enumerate(columns):
        if column.list_name is not None:
            continue  # a list has no gaps
        fills[place] = (median if column.kind == "number" else most_frequent)(X[:, place])
    return fills


def _encodings(
    rows: Rows, X: Array, train: Indices, preprocessing: Preprocessing, fit: Fit | None
) -> dict[int, Encoding]:
    """The encoding of each number, by its column."""
    numbers = [place for place, column in enumerate(rows.columns) if column.kind == "number"]
    if fit:
        return {place: fit(X[~np.isnan(X[:, place]), place].astype(np.float64)) for place in numbers}
    if len(numbers) == len(rows.columns) and not np.isnan(rows.X).any():
        offset, factor = _scaling(rows, train, preprocessing)
        return {place: Affine((float(offset[place]),), (float(factor[place]),)) for place in numbers}
    if preprocessing == "none" or not numbers:
        return dict.fromkeys(numbers, Affine((0.0,), (1.0,)))
    moments = moments_of(with_medians(X[:, numbers]))
    divide = preprocessing == "standardize"
    scale = moments.scale if divide else np.ones(len(numbers))
    return {
        place: Affine((float(moments.mean[index]),), (float(scale[index]),), divide)
        for index, place in enumerate(numbers)
    }
