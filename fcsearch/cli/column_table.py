"""The columns of a table, as `fcsearch validate --check-data` shows them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from fcsearch.data.facts import DATE_PARTS
from fcsearch.text import column_title, first_few

if TYPE_CHECKING:
    from fcsearch.data.facts import ColumnFacts
    from fcsearch.data.transform import FeatureTransform

_CATEGORIES_SHOWN = 4


def column_rows(columns: Sequence[ColumnFacts], transform: FeatureTransform | None) -> list[dict[str, Any]]:
    """Each column in JSON types, with the value that fills its gaps where it is known."""
    fills: dict[str, float | str | None] = {}
    for item in () if transform is None else transform.inputs:
        name = str(item.name)
        if item.kind == "number" and item.reading in DATE_PARTS:
            before = f"{fills[name]}, " if name in fills else ""
            fills[name] = f"{before}{item.reading.replace('_', ' ')} {_fill(item.fill)}"
        else:
            fills[name] = item.fill
    return [{**dataclasses.asdict(column), "fill": fills.get(column.name)} for column in columns]


def column_table(rows: Sequence[dict[str, Any]]) -> Table:
    """The same as a table to print."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for title in ("column", "kind", "gaps", "filled with", "categories", "use"):
        table.add_column(title, justify="right" if title == "gaps" else "left", overflow="fold")
    for row in rows:
        use = f"{row['use']}: {row['why']}" if row["why"] else row["use"]
        cells = (column_title(row["name"]), row["kind"], f"{row['gaps']:,}", _fill(row["fill"]), _categories(row), use)
        table.add_row(*map(Text, cells))
    return table


def _fill(value: float | str | None) -> str:
    return "" if value is None else value if isinstance(value, str) else f"{value:.6g}"


def _categories(row: dict[str, Any]) -> str:
    names = row["categories"]
    return f"{len(names)}: {first_few(names, _CATEGORIES_SHOWN)}" if names else ""
