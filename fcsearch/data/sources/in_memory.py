"""Rows in memory: DataFrames of pandas and polars, Arrow tables, and arrays."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fcsearch.data.kinds import weight_values, without_views
from fcsearch.data.labels import LABEL_NAMES, find_label
from fcsearch.data.matching import Matched, match_array, match_table
from fcsearch.data.rows import PartSizes, Rows
from fcsearch.data.sources.counting import is_plain, is_small_array
from fcsearch.data.sources.npz import arrow_labels, checked_arrays, rows_of_arrays
from fcsearch.data.sources.table_files import check_columns, check_names, index_columns, rows_of_table
from fcsearch.data.spec import DatasetSpec
from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import DataError
from fcsearch.machine import free_memory

TABLE = "the table"
ARRAY = "the array X"
# A sparse matrix as an array: the array itself, its columns, and the features.
_DENSE_COPIES = 3


def read_memory(X: Any, y: Any, spec: DatasetSpec, row_weights: Any = None) -> Rows:
    """Turn a table or an array into features and classes.

    Args:
        X: A table, or an array (N, ...) of numbers.
        y: (N,) classes; None if a column of the table holds them.
        spec: `label`, `task`, `drop`, `group`, `time` and `weights`.
        row_weights: (N,) numbers of at least 0; None: a column of the table holds them, or there are none.

    Raises:
        DataError: data that cannot be used, as for files.
    """
    rows = _read(X, y, spec)
    if row_weights is None:
        return rows
    weights = np.asarray(row_weights)
    if rows.row_weights is not None or weights.shape != rows.y.shape or weights.dtype.kind not in "biuf":
        raise DataError(
            f"the weights must be a column of {TABLE}, or numbers, one for each of the {len(rows.y)} rows; found "
            f"{'both' if rows.row_weights is not None else f'the shape {weights.shape} of type {weights.dtype}'}."
        )
    return dataclasses.replace(rows, row_weights=weight_values(pa.array(weights.astype(float)), "the weights"))


def _read(X: Any, y: Any, spec: DatasetSpec) -> Rows:
    if not is_table(X):
        if isinstance(X, str | os.PathLike):
            raise DataError(
                f"X must be a table, or an array of numbers; found the text {os.fspath(X)!r}. Read a file first, "
                "such as by pandas.read_csv."
            )
        if y is None:
            raise DataError(f"{ARRAY} must come with the classes of its rows, y; found none. Give y.")
        if spec.drop or spec.label or spec.split_by or spec.weights:
            raise DataError(
                f"the options label, drop, group, time and weights belong to tables; {ARRAY} has no columns. Leave "
                "them out."
            )
        features, labels = checked_arrays(_array(X), np.asarray(y), ARRAY)
        return rows_of_arrays(features, arrow_labels(labels, ARRAY), PartSizes(len(labels)), spec, ARRAY)
    table = as_table(X)
    # As of files: what pandas makes of an index that it wrote into a CSV file.
    named = (spec.label, spec.group, spec.time, spec.weights)
    left_out = tuple(name for name in index_columns(table) if name not in named)
    table = table.drop_columns(left_out)
    if y is not None:
        table, label = _with_label(table, y, spec.label)
    else:
        label = find_label(table.schema, spec.label, TABLE)
    sizes = PartSizes(table.num_rows)
    return rows_of_table(
        table,
        sizes,
        spec,
        label=label,
        locate=_locate,
        source=TABLE,
        label_place=None if y is None else "y",
        left_out=left_out,
    )


def match_memory(transform: FeatureTransform, X: Any) -> Matched:
    """The features of the rows of a table or an array, by a fitted transform; a label is not needed.

    Raises:
        DataError: as `match_table` and `match_array`.
    """
    if is_table(X):
        return match_table(transform, as_table(X), _locate, TABLE)
    array = _array(X)
    if array.dtype != np.uint8:
        array, _ = checked_arrays(array, np.zeros(len(array)), ARRAY)
    return Matched(match_array(transform, array, ARRAY), {}, ())


def is_table(X: Any) -> bool:
    """Whether X has named columns."""
    return isinstance(X, (pa.Table, pa.RecordBatch)) or _is_pandas(X) or hasattr(X, "__arrow_c_stream__")


def is_small_in_memory(X: Any, *, rows: int, columns: int) -> bool:
    """Whether X is a plain table, or an array of numbers that are not pixels, of fewer than `rows` rows.

    And of at most `columns` columns. False for what cannot be read: reading it says what is wrong.
    """
    try:
        if is_table(X):
            if len(X) >= rows:
                return False
            table = as_table(X)
            return table.num_columns <= columns and is_plain(table.schema)
        X = X if is_sparse(X) else np.asarray(X)
    except (DataError, TypeError, ValueError):
        return False
    return is_small_array(X, rows=rows, columns=columns)


def as_table(X: Any) -> pa.Table:
    """A table of any supported library as an Arrow table, without a pandas index.

    Raises:
        DataError: columns that Arrow has no type for, two of one name, or no rows.
    """
    try:
        if _is_pandas(X):
            check_names([*map(str, X.columns)], TABLE)
            table = pa.Table.from_pandas(X.rename(columns=str), preserve_index=False).replace_schema_metadata(None)
        else:
            table = without_views(X if isinstance(X, pa.Table) else pa.table(X)).replace_schema_metadata(None)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise DataError(
            f"{TABLE} must have columns of one kind of value each, and no two with the same name; found: {error}. Fix "
            "or leave out that column."
        ) from error
    check_columns(table, TABLE)
    return table


def _is_pandas(X: Any) -> bool:
    # By its name: a program without a pandas DataFrame must not wait for the import.
    return type(X).__module__.partition(".")[0] == "pandas" and hasattr(X, "columns")


def is_sparse(X: Any) -> bool:
    """Whether X is a sparse matrix of scipy."""
    # By its name, as for pandas.
    return type(X).__module__.split(".")[:2] == ["scipy", "sparse"]


def densified(X: Any) -> Any:
    """A sparse matrix of scipy as an array; anything else as it is.

    Raises:
        DataError: memory does not hold the array and the features that are made of it.
    """
    if not is_sparse(X):
        return X
    rows, columns = X.shape
    needed, there = _DENSE_COPIES * rows * columns * X.dtype.itemsize, free_memory()
    if there is not None and needed > there:
        raise DataError(
            f"X must fit into memory as an array without gaps, as networks read it; found a sparse matrix of "
            f"{rows:,} x {columns:,}, for which {needed / 1e9:,.1f} GB are needed and {there / 1e9:,.1f} GB are there. "
            "Give fewer columns, such as by sklearn.decomposition.TruncatedSVD or with fewer categories."
        )
    return X.toarray()


def _array(X: Any) -> npt.NDArray[Any]:
    array = np.asarray(densified(X))
    if array.ndim not in (2, 3, 4) or array.dtype.kind not in "biuf":
        raise DataError(
            f"X must be a table, or an array of numbers of shape (rows, ...) with 2 to 4 axes; found "
            f"{type(X).__name__} of shape {array.shape} and type {array.dtype}. Name columns of text in a table."
        )
    return array


def _with_label(table: pa.Table, y: Any, name: str | None) -> tuple[pa.Table, str]:
    """The table with the classes as one more column, and its name."""
    values = label_values(y, table.num_rows)
    free = [candidate for candidate in (name or getattr(y, "name", None), *LABEL_NAMES) if candidate]
    label = next((str(candidate) for candidate in free if str(candidate) not in table.column_names), None)
    if label is None or (name is not None and label != name):
        raise DataError(f"y must have a name that is not a column of {TABLE}; give the option label another one.")
    return table.append_column(label, values), label


def label_values(y: Any, count: int) -> pa.Array | pa.ChunkedArray:
    """The labels of so many rows, given apart from them; DataError if they are not as many."""
    values = y if isinstance(y, (pa.Array, pa.ChunkedArray)) else None
    if values is None:
        labels = np.asarray(y)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        plain = y.tolist() if labels.dtype.kind == "O" and hasattr(y, "tolist") else labels.tolist()
        known = [None if is_missing(label) else label for label in plain] if labels.dtype.kind == "O" else plain
        try:
            values = pa.array(known)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            kinds = ", ".join(sorted({type(label).__name__ for label in known if label is not None}))
            raise DataError(
                f"y must have labels of one kind, numbers or texts; found {kinds}. Make them texts: `y.astype(str)`."
            ) from error
    if len(values) != count:
        raise DataError(
            f"y must give every row of X a label; found {len(values)} for {count} rows. Make them equally long."
        )
    return values


def is_missing(label: Any) -> bool:
    """Whether a label is None, not a number, or what pandas has for these."""
    return label is None or (not isinstance(label, str) and str(label) in ("nan", "<NA>", "NaT"))


def _locate(row: int) -> str:
    return f"row {row} of {TABLE}"
