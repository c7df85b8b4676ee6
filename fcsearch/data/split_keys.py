"""The column that rows are split by: the group or the time of each row."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.data.instants import holds_dates, read_instants
from fcsearch.data.kinds import is_number, is_text, kind_in_words
from fcsearch.data.rows import Indices
from fcsearch.data.split_facts import SplitBy, SplitFacts
from fcsearch.errors import DataError
from fcsearch.text import did_you_mean, first_columns, nearest


@dataclasses.dataclass(frozen=True)
class SplitKey:
    """The values of the column.

    Attributes:
        by: What the column holds: groups or times.
        column: Its name.
        codes: (N,) int64, each row's index in `distinct`.
        distinct: The different values, sorted.
    """

    by: SplitBy
    column: str
    codes: Indices
    distinct: pa.Array

    def facts(self, parts: dict[str, Indices]) -> SplitFacts:
        """The facts of a split; `parts` has the row numbers of each part."""
        codes = {name: self.codes[rows] for name, rows in parts.items() if len(rows)}
        if self.by == "group":
            return SplitFacts("group", self.column, groups={name: len(np.unique(of)) for name, of in codes.items()})
        return SplitFacts(
            "time", self.column, times={name: (self.text(of.min()), self.text(of.max())) for name, of in codes.items()}
        )

    def of_rows(self, rows: Indices) -> SplitKey:
        """The values of some rows."""
        return dataclasses.replace(self, codes=self.codes[rows])

    def text(self, code: int) -> str:
        """One of the different values, as text."""
        value = self.distinct[int(code) : int(code) + 1]
        if pa.types.is_timestamp(value.type):
            value = pc.cast(value, pa.timestamp("s", value.type.tz), safe=False)
        return str(pc.cast(value, pa.string())[0]).removesuffix(" 00:00:00")


def require_split_column(names: list[str], by: SplitBy, column: str, label: str, source: str) -> None:
    """Refuse a column that is not there, or is the label."""
    if column not in names:
        hint = did_you_mean(nearest(column, names), sentence=True)
        raise DataError(
            f"dataset option {by} must name a column of {source}; found {column!r}, not in {first_columns(names, 40)}."
            f"{hint}"
        )
    if column == label:
        raise DataError(f"dataset option {by} must name a column other than the label; found {column!r}. Name another.")


def read_split_key(
    values: pa.ChunkedArray, by: SplitBy, column: str, locate: Callable[[int], str], source: str
) -> SplitKey:
    """Number the groups, or the times in their order.

    Args:
        values: (N,) the column.
        by: What it names.
        column: Its name.
        locate: Names the place of a row, for messages.
        source: Names the table, for messages.

    Raises:
        DataError: gaps, values of another kind, or the same value in every row.
    """
    place = f"column {column!r} of {source}"
    array = values.combine_chunks()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    _refuse_gaps(array, by, place, locate)
    array = _groups(array, place) if by == "group" else _times(array, place)
    distinct = pc.unique(array)
    distinct = distinct.take(pc.sort_indices(distinct))
    key = SplitKey(by, column, pc.index_in(array, value_set=distinct).to_numpy().astype(np.int64), distinct)
    if len(distinct) < 2:
        raise DataError(
            f"{place} must hold at least two {by}s to split rows by; found {key.text(0)} in every row. Name another "
            f"column, or leave the dataset option {by} out."
        )
    return key


def _refuse_gaps(values: pa.Array, by: SplitBy, place: str, locate: Callable[[int], str]) -> None:
    gaps = pc.is_null(values)
    if pa.types.is_floating(values.type):
        gaps = pc.or_(gaps, pc.fill_null(pc.invert(pc.is_finite(values)), True))
    rows = np.flatnonzero(gaps.to_numpy(zero_copy_only=False))
    if len(rows):
        raise DataError(
            f"{place} must give every row a {by}; found {len(rows):,} {'rows' if len(rows) > 1 else 'row'} without, "
            f"first {locate(int(rows[0]))}. Fill the gaps, or leave these rows out."
        )


def _groups(values: pa.Array, place: str) -> pa.Array:
    if pa.types.is_boolean(values.type) or is_text(values.type):
        return pc.cast(values, pa.string())
    if _has_order(values.type):
        return _sortable(values)
    raise DataError(
        f"{place} must name groups by numbers, text or dates; found {_kind(values.type)}. Name another "
        "column with the dataset option group."
    )


def _times(values: pa.Array, place: str) -> pa.Array:
    if instants := read_instants(values):
        return instants.times
    if _has_order(values.type) and not pa.types.is_boolean(values.type):
        return _sortable(values)
    example = f"text such as {values[0].as_py()!r}" if is_text(values.type) else _kind(values.type)
    raise DataError(
        f"{place} must hold times as numbers or dates; found {example}. Write dates as 2026-01-31 or "
        "2026-01-31 18:00:00, all with a zone such as +02:00 or Z or all without, or name another column with the "
        "dataset option time."
    )


def _kind(kind: pa.DataType) -> str:
    # Dates and times were handled above: only durations are left.
    return str(kind) if pa.types.is_temporal(kind) else kind_in_words(kind)


def _has_order(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers, dates, or times of day."""
    return is_number(kind) or holds_dates(kind) or pa.types.is_time(kind)


def _sortable(values: pa.Array) -> pa.Array:
    """The values in a type that Arrow can sort."""
    return pc.cast(values, pa.float32()) if values.type == pa.float16() else values
