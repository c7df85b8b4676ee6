"""A dataset's fingerprint: equal contents, split and preprocessing give equal digits on every machine."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.data.facts import DATE_PARTS
from fcsearch.data.rows import Column, Rows
from fcsearch.data.spec import DatasetSpec
from fcsearch.data.splits import SplitRows

_BLOCK_ROWS = 4096


def fingerprint(rows: Rows, split: SplitRows, spec: DatasetSpec) -> str:
    """16 hex digits of a sha256 over decoded features, classes, split and preprocessing.

    The features are hashed before they are scaled, because floating-point sums may differ between machines.
    """
    digest = hashlib.sha256()
    header = {
        "class_names": rows.class_names,
        "columns": [(column.name, column.kind, column.categories, *_part(column)) for column in rows.columns],
        "scale": rows.scale,
        "preprocessing": spec.preprocessing,
        **({"bins": spec.bins} if spec.preprocessing == "piecewise" else {}),
    }
    digest.update(json.dumps(header, sort_keys=True).encode())
    weights = () if rows.row_weights is None else (rows.row_weights,)
    folds = (part for fold in split.others for part in fold)
    for array in (rows.X, rows.y, *weights, split.train, split.val, split.test, *folds):
        add_array(digest, array)
    return digest.hexdigest()[:16]


def _part(column: Column) -> tuple[str, ...]:
    """The part of a date that a column is, if it is one."""
    return (column.reading,) if column.reading in DATE_PARTS else ()


def add_array(digest: Any, array: npt.NDArray[Any]) -> None:
    """Hash an array's type, shape and values, with the same result on every machine."""
    little_endian = array.dtype.newbyteorder("<")
    digest.update(f"{little_endian.str}{array.shape}".encode())
    for start in range(0, len(array), _BLOCK_ROWS):
        digest.update(np.ascontiguousarray(array[start : start + _BLOCK_ROWS], dtype=little_endian))
