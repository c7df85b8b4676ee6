"""Whether a table is small, before it is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from fcsearch.data.kinds import holds_images
from fcsearch.data.sources.formats import PARQUET, readable
from fcsearch.data.sources.npz import features_by_headers
from fcsearch.data.sources.paths import find_parts, format_of
from fcsearch.data.sources.streams import csv_bytes, file_schema
from fcsearch.data.spec import DatasetSpec
from fcsearch.errors import DataError

_BLOCK = 1 << 20


def is_plain(schema: pa.Schema) -> bool:
    """Whether a table has numbers and texts only: no images, and no lists of numbers."""
    return not any(
        pa.types.is_nested(kind) or holds_images(kind) or pa.types.is_binary_view(kind) for kind in schema.types
    )


def is_small_array(X: Any, *, rows: int, columns: int) -> bool:
    """Whether an array, or a sparse matrix, holds numbers that are not pixels, in few rows and columns."""
    return bool(X.ndim == 2 and X.dtype != np.uint8 and X.shape[0] < rows and X.shape[1] <= columns)


def is_small(spec: DatasetSpec, *, rows: int, columns: int) -> bool:
    """Whether a dataset is a plain table in CSV, Parquet or NPZ files, with fewer than `rows` rows and few columns.

    That is at most `columns`. Test rows do not count; rows of a CSV file are counted by its lines. Data that cannot be
    read are not small: reading them says what is wrong.
    """
    if spec.is_named or spec.is_memory:
        return False
    try:
        files = [path for part, paths in find_parts(spec).items() if part != "test" for path in paths]
        if {format_of(path) for path in files} == {"npz"}:
            arrays = [array for path in files for array in features_by_headers(path)]
            return all(is_small_array(array, rows=rows, columns=columns) for array in arrays) and (
                0 < sum(map(len, arrays)) < rows
            )
        if not {format_of(path) for path in files} <= {"csv", "parquet"}:
            return False
        schema = file_schema(files[0])
        if len(schema) > columns or not is_plain(schema):
            return False
        left = rows
        for path in files:
            for read in _rows(path):
                left -= read
                if left <= 0:
                    return False
    except (DataError, OSError):
        return False
    return True


def _rows(path: Path) -> Iterator[int]:
    """The number of rows of a file, in parts."""
    if format_of(path) == "parquet":
        with readable(path, PARQUET), pyarrow.parquet.ParquetFile(path) as file:
            yield file.metadata.num_rows
        return
    yield -1  # the header
    with csv_bytes(path) as stream:
        while block := stream.read(_BLOCK):
            yield block.count(b"\n")
