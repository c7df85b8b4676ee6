"""Dates and times, from whatever a column writes them as, to instants."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.data.kinds import is_text

# Nanoseconds reach from 1677 to 2262; a file with other years may still have microseconds.
_UNITS = ("ns", "us")
# From 3.1.2026 to 03.01.2026, and to 2026-01-03.
_POINTS = (
    (r"^(\d\.\d{1,2}\.\d{4})\b", r"0\1"),
    (r"^(\d{2})\.(\d\.\d{4})\b", r"\1.0\2"),
    (r"^(\d{2})\.(\d{2})\.(\d{4})\b", r"\3-\2-\1"),
)


@dataclasses.dataclass(frozen=True)
class Instants:
    """The times of some rows.

    Attributes:
        times: (N,) Timestamps, null where a time is missing; in UTC if they have a zone, else without one.
        zoned: Whether they were written with a zone.
    """

    times: pa.Array | pa.ChunkedArray
    zoned: bool

    @property
    def plain(self) -> pa.Array | pa.ChunkedArray:
        """The times without their zone, so that nothing depends on what a machine knows of zones."""
        return pc.cast(self.times, pa.timestamp(self.times.type.unit))


def holds_dates(kind: pa.DataType) -> bool:
    """Whether a column of this type holds dates, with or without a time of day."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def read_instants(values: pa.Array | pa.ChunkedArray) -> Instants | None:
    """The instants of (N,) dates, times, or texts in ISO 8601 or like 31.01.2026 18:00; None for anything else.

    Texts have either all a zone, which may differ from row to row, or none.
    """
    kind = values.type
    if pa.types.is_timestamp(kind):
        zoned = kind.tz is not None
        return Instants(pc.cast(values, pa.timestamp(kind.unit, "UTC")) if zoned else values, zoned)
    if pa.types.is_date(kind):
        return Instants(pc.cast(values, pa.timestamp("ms")), False)
    if not is_text(kind):
        return None
    texts = _in_iso(pc.utf8_trim_whitespace(pc.cast(values, pa.string())))
    for unit, zone in itertools.product(_UNITS, (None, "UTC")):
        try:
            return Instants(pc.cast(texts, pa.timestamp(unit, zone)), zone is not None)
        except pa.ArrowInvalid:
            continue
    return None


def with_instants(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """The table with instants in place of texts in those of some columns whose texts are all dates."""
    for name in names:
        values = table[name]
        if not is_text(values.type) or values.null_count == len(values):
            continue
        # The first text tells most columns from dates at once.
        if read_instants(values.drop_null().slice(0, 1)) and (found := read_instants(values)):
            table = table.set_column(table.column_names.index(name), name, found.times)
    return table


def _in_iso(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Texts like 31.1.2026, which have the day first wherever points are written, as ISO 8601; others as they are."""
    for pattern, replacement in _POINTS:
        texts = pc.replace_substring_regex(texts, pattern, replacement)
    return texts
