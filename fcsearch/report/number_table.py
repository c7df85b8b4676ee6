"""Tables for a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

# What stands between two columns of such a table.
COLUMN_GAP = 3


def number_table(*columns: str, right: int) -> Table:
    """A table whose last `right` columns hold numbers."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False, header_style="dim")
    for index, name in enumerate(columns):
        table.add_column(Text(name), justify="right" if index >= len(columns) - right else "left", overflow="fold")
    return table
