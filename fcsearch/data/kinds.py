"""What a column of a table holds, by its Arrow type, and its values as numbers or texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.data.lists import is_list_of_numbers
from fcsearch.errors import DataError

MAX_FEATURE = float(np.finfo(np.float32).max)


def holds_images(kind: pa.DataType) -> bool:
    """Whether a column of this type holds image files."""
    if pa.types.is_struct(kind):
        return bool(kind.get_field_index("bytes") >= 0 and _is_bytes(kind.field("bytes").type))
    return _is_bytes(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers or booleans."""
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
    """(N,) float32 if it holds them exactly, else float64; NaN for missing values.

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
            f"{numbers[unusable][0]} in {unusable.sum()} rows. Fix these rows, or leave it out."
        )
    return numbers


def weight_values(values: pa.Array | pa.ChunkedArray, place: str) -> npt.NDArray[np.float64]:
    """(N,) How much rows count; DataError unless all are finite numbers of at least 0."""
    if not is_number(values.type):
        raise DataError(
            f"{place} must hold numbers, the weights of the rows; found {values.type}. Name another column."
        )
    weights = np.array(pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    unusable = ~(np.isfinite(weights) & (weights >= 0))
    if unusable.any():
        first = int(np.argmax(unusable))
        found = "no value" if np.isnan(weights[first]) else f"{weights[first]:g}"
        raise DataError(
            f"{place} must give every row a weight, a finite number of at least 0; found {found} in row {first}, and "
            f"{unusable.sum():,} such rows in all. Fix or leave out these rows."
        )
    return weights


def _fits_float32(values: pa.ChunkedArray) -> bool:
    """Whether float32 holds every value exactly."""
    if pa.types.is_integer(values.type):
        extremes = pc.min_max(values).as_py()
        return bool(max(abs(extremes["min"]), abs(extremes["max"])) <= 2**24)
    return bool(pa.types.is_boolean(values.type) or values.type in (pa.float16(), pa.float32()))


def kind_in_words(kind: pa.DataType) -> str:
    """What a column of this type holds, in words."""
    if holds_images(kind):
        return "image"
    if is_list_of_numbers(kind):
        return "list of numbers"
    if pa.types.is_dictionary(kind) or is_text(kind):
        return "category"
    if pa.types.is_boolean(kind):
        return "true or false"
    if pa.types.is_null(kind):
        return "empty"
    if is_number(kind):
        return "number"
    return "date or time" if pa.types.is_temporal(kind) else str(kind)


def without_views(table: pa.Table) -> pa.Table:
    """The table with plain text for views of text, which polars writes alone and in categories."""
    for place, column in enumerate(table):
        if (kind := _plain_type(column.type)) != column.type:
            plain = pa.chunked_array([_plain(chunk) for chunk in column.chunks], kind)
            table = table.set_column(place, table.schema.names[place], plain)
    return table


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return pa.dictionary(kind.index_type, _plain_type(kind.value_type), kind.ordered)
    return pa.string() if pa.types.is_string_view(kind) else kind


def _plain(values: pa.Array) -> pa.Array:
    if not pa.types.is_dictionary(values.type):
        return values.cast(_plain_type(values.type))
    texts = values.dictionary.cast(_plain_type(values.type.value_type))
    return pa.DictionaryArray.from_arrays(values.indices, texts, ordered=values.type.ordered)
