"""Which columns of a table are features, and the matrix that they make."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.data.images import decode_images
from fcsearch.data.lists import is_list_of_numbers, list_values
from fcsearch.data.rows import PIXEL_SCALE, Column
from fcsearch.errors import DataError

# One-hot columns of a text column; more of them is an identifier or free text.
MAX_CATEGORIES = 1000
_BLOCK_ROWS = 256
MAX_FEATURE = float(np.finfo(np.float32).max)

_IDENTIFIER = re.compile(r"|(row_?)?(id|index|number)|.*_id|unnamed: \d+", re.IGNORECASE)
_LEAVE_OUT = "Leave it out with the dataset option drop."


@dataclasses.dataclass(frozen=True)
class Features:
    """The features of a table; see `Rows` for the fields."""

    X: npt.NDArray[Any]
    columns: tuple[Column, ...] = ()
    column: str | None = None
    layout: Literal["list", "image", "array"] = "array"
    scale: float = 1.0
    image_shape: tuple[int, int, int] | None = None
    ignored: tuple[str, ...] = ()


def features_of(
    table: pa.Table, label: str, drop: Sequence[str], locate: Callable[[int], str], source: str
) -> Features:
    """Make a matrix of a table's columns.

    A column of images is the features by itself, and other columns are ignored; else every column but the label is one:
    numbers, lists of numbers of one length, and text as categories.

    Args:
        table: All rows.
        label: The column of the classes.
        drop: Columns to leave out.
        locate: Names the place of a row, for messages.
        source: Names the table, for messages.

    Raises:
        DataError: a column that cannot be used, or none that can.
    """
    names = _feature_names(table, label, drop, source)
    images = [name for name in names if holds_images(table.schema.field(name).type)]
    if len(images) > 1:
        raise DataError(
            f"{source} must have one column of images; found {', '.join(images)}. "
            "Leave the others out with the dataset option drop."
        )
    if images:
        pixels, shape = decode_images(table[images[0]], locate)
        ignored = tuple(name for name in table.column_names if name not in (label, images[0]))
        return Features(pixels, column=images[0], layout="image", scale=PIXEL_SCALE, image_shape=shape, ignored=ignored)
    if len(names) == 1 and is_list_of_numbers(table.schema.field(names[0]).type):
        return _one_list(table[names[0]], names[0], tuple(drop), locate)
    parts = [_feature(table[name], name, locate, source) for name in names]
    return Features(
        _side_by_side(parts), tuple(column for _, columns in parts for column in columns), ignored=tuple(drop)
    )


def _feature_names(table: pa.Table, label: str, drop: Sequence[str], source: str) -> list[str]:
    for name in drop:
        if name not in table.column_names or name == label:
            near = difflib.get_close_matches(name, table.column_names, 1)
            hint = f" Did you mean {near[0]!r}?" if near and name != label else ""
            raise DataError(f"dataset option drop must name feature columns of {source}; found {name!r}.{hint}")
    names = [name for name in table.column_names if name != label and name not in drop]
    if not names:
        raise DataError(
            f"{source} must have a column of features besides the label {label!r}; found none. "
            "Name another file, or drop fewer columns."
        )
    return names


def holds_images(kind: pa.DataType) -> bool:
    """Whether a column of this type holds image files."""
    if pa.types.is_struct(kind):
        return bool(kind.get_field_index("bytes") >= 0 and _is_bytes(kind.field("bytes").type))
    return _is_bytes(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _one_list(values: pa.ChunkedArray, name: str, ignored: tuple[str, ...], locate: Callable[[int], str]) -> Features:
    """A column of lists that is all the features: pixels where they are bytes, an image where they are nested."""
    X, shape = list_values(values, name, locate)
    image_shape = (shape[0], shape[1], (*shape, 1)[2]) if len(shape) in (2, 3) else None
    scale = PIXEL_SCALE if X.dtype == np.uint8 else 1.0
    return Features(X, column=name, layout="list", scale=scale, image_shape=image_shape, ignored=ignored)


def _feature(
    values: pa.ChunkedArray, name: str, locate: Callable[[int], str], source: str
) -> tuple[npt.NDArray[Any], list[Column]]:
    """The values of one column, (N,) or (N, k), and what they are."""
    kind, place = values.type, f"column {name!r} of {source}"
    if is_list_of_numbers(kind):
        X, _ = list_values(values, name, locate)
        return X, [Column(f"{name}[{index}]", list_name=name) for index in range(X.shape[1])]
    if values.null_count == len(values):
        raise DataError(f"{place} must have values; found none in any row. {_LEAVE_OUT}")
    if pa.types.is_dictionary(kind) or is_text(kind):
        # Categories by declaration, numbered ones too.
        return _categories(category_texts(values), name, place)
    if is_number(kind):
        return _numbers(values, name, place), [Column(name)]
    nature = "dates or times" if pa.types.is_temporal(kind) else f"the type {kind}"
    raise DataError(
        f"{place} must hold numbers, text, images or lists of numbers; found {nature}. Turn it into numbers, or:"
        f" {_LEAVE_OUT.lower()}"
    )


def _numbers(values: pa.ChunkedArray, name: str, place: str) -> npt.NDArray[Any]:
    """Numbers with NaN for what is missing; float32 where that holds them exactly."""
    if (
        pa.types.is_integer(values.type)
        and _IDENTIFIER.fullmatch(name)
        and pc.count_distinct(values).as_py() == len(values)
    ):
        raise DataError(
            f"{place} must say something of the row; found another number in every row, an identifier. {_LEAVE_OUT}"
        )
    numbers = number_values(values, place)
    if np.isnan(numbers).all():
        raise DataError(f"{place} must have values; found NaN in every row. {_LEAVE_OUT}")
    return numbers


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers or truth values."""
    return bool(
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    )


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def category_texts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """(N,) The categories as text; nulls stay."""
    if pa.types.is_dictionary(values.type):
        values = pc.cast(values, values.type.value_type)
    return pc.cast(values, pa.string())


def number_values(values: pa.ChunkedArray, place: str) -> npt.NDArray[Any]:
    """(N,) float32 where that holds them exactly, else float64; NaN for what is missing.

    Raises:
        DataError: numbers outside float32's range.
    """
    if values.null_count == len(values):
        return np.full(len(values), np.nan, dtype=np.float32)
    target = pa.float32() if _fits_float32(values) else pa.float64()
    numbers: npt.NDArray[Any] = pc.cast(values, target, safe=False).to_numpy()
    unusable = np.abs(numbers) > MAX_FEATURE
    if unusable.any():
        raise DataError(
            f"{place} must hold numbers within float32's range (or none, where a value is missing); found "
            f"{numbers[unusable][0]} in {unusable.sum()} rows. Mend these rows. Or: {_LEAVE_OUT.lower()}"
        )
    return numbers


def _fits_float32(values: pa.ChunkedArray) -> bool:
    """Whether float32 holds every value exactly."""
    if pa.types.is_integer(values.type):
        extremes = pc.min_max(values).as_py()
        return bool(max(abs(extremes["min"]), abs(extremes["max"])) <= 2**24)
    return bool(pa.types.is_boolean(values.type) or values.type in (pa.float16(), pa.float32()))


def _categories(values: pa.ChunkedArray, name: str, place: str) -> tuple[npt.NDArray[Any], list[Column]]:
    """Places in the sorted categories, NaN for what is missing."""
    categories = sorted(pc.unique(values.drop_null()).to_pylist())
    if len(categories) > MAX_CATEGORIES or len(categories) > max(50, len(values) / 2):
        raise DataError(
            f"{place} must hold categories (at most {MAX_CATEGORIES}, each in several rows); found {len(categories)} "
            f"texts in {len(values)} rows, such as {categories[0]!r}: an identifier or free text. {_LEAVE_OUT}"
        )
    index = pc.index_in(values, value_set=pa.array(categories, pa.string()))
    return pc.cast(index, pa.float32()).to_numpy(), [Column(name, "category", tuple(categories))]


def _side_by_side(parts: Sequence[tuple[npt.NDArray[Any], list[Column]]]) -> npt.NDArray[Any]:
    exact = all(np.can_cast(values.dtype, np.float32) for values, _ in parts)
    rows, width = len(parts[0][0]), sum(len(columns) for _, columns in parts)
    X = np.empty((rows, width), dtype=np.float32 if exact else np.float64)
    # Rows in blocks that stay in the cache: whole columns would touch a new line of memory with every value.
    for top in range(0, rows, _BLOCK_ROWS):
        block, left = X[top : top + _BLOCK_ROWS], 0
        for values, columns in parts:
            right = left + len(columns)
            block[:, left:right] = values[top : top + _BLOCK_ROWS].reshape(len(block), -1)
            left = right
    return X
