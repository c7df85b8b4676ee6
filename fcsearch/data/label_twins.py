"""Columns that tell the label by themselves, as those that are made of it do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.data.facts import ColumnFacts
from fcsearch.data.kinds import category_texts, is_number, is_text

# Of a column that is a feature.
ONE_WITH_LABEL = "its values go with those of the label, one to one; if it is made of the label, leave it out"
# In fewer rows, or with fewer of all but the commonest class, chance may make such a column.
_FEWEST_ROWS, _FEWEST_OTHERS = 50, 10
# So many rows tell most columns from twins.
_FIRST = 1000


def with_label_twins(
    facts: Sequence[ColumnFacts], table: pa.Table, y: npt.NDArray[Any], classes: int
) -> tuple[ColumnFacts, ...]:
    """The facts, which say of which features the values go with those of the label.

    Args:
        facts: Of each column of the table, and of others.
        table: All rows.
        y: (N,) classes from 0, or the targets of a regression.
        classes: How many classes there are, 0 for a regression.
    """
    others = len(y) - int(np.bincount(y).max()) if classes else len(y)
    if len(y) < _FEWEST_ROWS or others < _FEWEST_OTHERS:
        return tuple(facts)
    return tuple(
        item.with_remark(ONE_WITH_LABEL) if item.use == "used" and _is_twin(table[item.name], y, classes) else item
        for item in facts
    )


def _is_twin(values: pa.ChunkedArray, y: npt.NDArray[Any], classes: int) -> bool:
    """Whether each value of a column goes with one class, and each class with one value; or it equals the targets."""
    is_same = _goes_with if classes else _equals
    return is_same(values.slice(0, _FIRST), y[:_FIRST]) and (len(y) <= _FIRST or is_same(values, y))


def _goes_with(values: pa.ChunkedArray, y: npt.NDArray[Any]) -> bool:
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = category_texts(values)
    elif pa.types.is_float16(kind) or not (is_number(kind) or is_text(kind)):
        return False
    encoded = pc.dictionary_encode(values.combine_chunks(), null_encoding="encode")
    codes, count = encoded.indices.to_numpy(), len(encoded.dictionary)
    found = np.unique(y)
    return count == len(found) and len(np.unique(codes.astype(np.int64) * (found[-1] + 1) + y)) == count


def _equals(values: pa.ChunkedArray, y: npt.NDArray[Any]) -> bool:
    if not is_number(values.type) or values.null_count:
        return False
    # A copy may have lost digits.
    kind = np.float32 if pa.types.is_floating(values.type) else np.float64
    with np.errstate(over="ignore"):
        numbers = pc.cast(values, pa.float64(), safe=False).to_numpy().astype(kind)
        return bool(np.array_equal(numbers, y.astype(kind)))
