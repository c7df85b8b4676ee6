"""Columns of lists of numbers, nested or not, all of one shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.errors import DataError


def is_list_of_numbers(kind: pa.DataType) -> bool:
    """Whether a type is lists (of lists ...) of numbers."""
    if not _is_list(kind):
        return False
    while _is_list(kind):
        kind = kind.value_type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def list_values(
    column: pa.ChunkedArray, name: str, locate: Callable[[int], str]
) -> tuple[npt.NDArray[Any], tuple[int, ...]]:
    """Flatten a column of lists.

    Args:
        column: (N,) lists of numbers, nested to any depth.
        name: Its name, for messages.
        locate: Names the place of a row, for messages.

    Returns:
        (N, k) uint8, float32 or float64, and the shape of a row.

    Raises:
        DataError: lists of unequal length, or missing or non-finite values in them.
    """
    rows, shape, per_row = len(column), [], 1
    values = pa.concat_arrays(column.chunks)
    while _is_list(values.type):
        if values.null_count:
            raise _missing(name, locate, _first(pc.is_null(values)) // per_row)
        lengths = pc.list_value_length(values).to_numpy(zero_copy_only=False)
        if unequal := np.flatnonzero(lengths != lengths[0])[:1].tolist():
            raise DataError(
                f"the lists of column {name!r} must have one length; found {lengths[0]} numbers in {locate(0)} and "
                f"{lengths[unequal[0]]} in {locate(unequal[0] // per_row)}. Make them equal, or drop the column."
            )
        shape.append(int(lengths[0]))
        per_row *= shape[-1]
        values = values.flatten()
        if per_row == 0:
            raise DataError(f"the lists of column {name!r} must hold numbers; found empty ones. Drop the column.")
    if values.null_count:
        raise _missing(name, locate, _first(pc.is_null(values)) // per_row)
    return _numbers(values, name, locate, per_row).reshape(rows, -1), tuple(shape)


def _numbers(values: pa.Array, name: str, locate: Callable[[int], str], per_row: int) -> npt.NDArray[Any]:
    numbers: npt.NDArray[Any] = values.to_numpy(zero_copy_only=False)
    if numbers.dtype == np.uint8:
        return numbers
    exact = np.can_cast(numbers.dtype, np.float32)
    numbers = numbers.astype(np.float32 if exact else np.float64, copy=False)
    usable = np.abs(numbers) <= np.finfo(np.float32).max
    if not usable.all():
        place = int(np.flatnonzero(~usable)[0])
        raise DataError(
            f"the lists of column {name!r} must hold finite numbers within float32's range; found {numbers[place]} in "
            f"{locate(place // per_row)}. Fix or drop the row."
        )
    return numbers


def _missing(name: str, locate: Callable[[int], str], row: int) -> DataError:
    return DataError(
        f"the lists of column {name!r} must be complete; found a missing value in {locate(row)}. Drop the row."
    )


def _first(mask: pa.Array) -> int:
    return int(np.flatnonzero(mask.to_numpy(zero_copy_only=False))[0])


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))
