"""Whether a label is a class or a quantity, and its values as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.config.objective import Task
from fcsearch.data.kinds import category_texts, is_text
from fcsearch.data.labels import encode_labels, label_hint, refuse_dates
from fcsearch.data.number_texts import Writing
from fcsearch.errors import DataError
from fcsearch.wording import option, wording

# Up to this many different integers are classes; more are classes only if each has this many rows or more.
_FEW_CLASSES = 20
_MOST_CLASSES = 1000
_ROWS_PER_CLASS = 20


def read_labels(
    values: pa.Array | pa.ChunkedArray,
    names: Sequence[str] | None,
    task: Task | None,
    where: str,
    decimal: Writing | None = None,
) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
    """The labels of some rows as numbers.

    Args:
        values: (N,) labels.
        names: Names of the classes 0, 1, ..., if the source gives them.
        task: The task that the user gave; None: `found_task` decides.
        where: File and column, for messages.
        decimal: How the numbers of the file were read, if it is text.

    Returns:
        (N,) int64 classes and their names; for a regression (N,) float64 and no names.

    Raises:
        DataError: labels that the task cannot have.
    """
    if (task or found_task(values, names)) == "classification":
        return encode_labels(values, names, where, decimal)
    return encode_targets(values, where, decimal), ()


def found_task(values: pa.Array | pa.ChunkedArray, names: Sequence[str] | None = None) -> Task:
    """The task of some labels: a regression for numbers with a fraction, or too many different ones for classes."""
    kind = values.type
    if names or not _is_quantity(kind):
        return "classification"
    numbers = np.asarray(pc.cast(values.drop_null(), pa.float64()))
    numbers = numbers[np.isfinite(numbers)]
    if len(numbers) and (numbers != np.floor(numbers)).any():
        return "regression"
    distinct = len(np.unique(numbers))
    few = distinct <= _FEW_CLASSES or (distinct <= _MOST_CLASSES and distinct * _ROWS_PER_CLASS <= len(numbers))
    return "classification" if few else "regression"


def encode_targets(
    values: pa.Array | pa.ChunkedArray, where: str, decimal: Writing | None = None
) -> npt.NDArray[np.float64]:
    """The targets of a regression, (N,) float64; DataError unless all are finite numbers that are not all equal."""
    refuse_dates(values, where)
    if pa.types.is_dictionary(values.type) and is_text(values.type.value_type):
        values = category_texts(values)
    if not _is_quantity(values.type):
        found = f"text.{label_hint(values, decimal)}" if is_text(values.type) else f"{values.type}."
        raise DataError(
            f"{where} must hold the numbers that a regression predicts; found {found} "
            f"{wording().other_label()}, or learn classes with {wording().task('classification')}."
        )
    numbers = _finite(values, where)
    if len(numbers) and numbers.min() == numbers.max():
        raise DataError(f"{where} must hold different numbers; found {numbers[0]:g} in every row.")
    return numbers


def later_targets(values: pa.Array | pa.ChunkedArray, where: str) -> npt.NDArray[np.float64]:
    """The targets of rows that a regression is measured on, (N,) float64; DataError unless all are finite numbers."""
    if not _is_quantity(values.type):
        example = values.drop_null()[:1].to_pylist() if is_text(values.type) else []
        found = f"text such as {example[0]!r}" if example else str(values.type)
        raise DataError(
            f"{where} must hold numbers, as the label of the training rows did; found {found}. Turn it into numbers, "
            f"or name another column with {option('label')}."
        )
    return _finite(values, where)


def _is_quantity(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind))


def _finite(values: pa.Array | pa.ChunkedArray, where: str) -> npt.NDArray[np.float64]:
    numbers = np.array(pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    unusable = int((~np.isfinite(numbers)).sum())
    if unusable:
        raise DataError(f"{where} must give every row a finite number; found {unusable:,} rows without. Drop those.")
    return numbers
