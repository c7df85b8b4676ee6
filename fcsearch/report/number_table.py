"""Tables for a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

# The separator of two columns of such a table.
COLUMN_GAP = 3


def number_table(*columns: str, right: int) -> Table:
    """A table whose last `right` columns hold numbers."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False, header_style="dim")
    for index, name in enumerate(columns):
        table.add_column(Text(name), justify="right" if index >= len(columns) - right else "left", overflow="fold")
    return table


def fit_words(table: Table, width: int) -> bool:
    """Set the columns' widths so that the table fits and no word is cut; False if that is impossible.

    Args:
        table: A table with its rows.
        width: The available width, in columns of the terminal.
    """
    texts = [[str(cell) for cell in (column.header, *column.cells)] for column in table.columns]
    least = [max((len(word) for text in column for word in text.split()), default=0) for column in texts]
    whole = [max(map(len, column), default=0) for column in texts]
    spare = width - sum(least) - COLUMN_GAP * (len(least) - 1)
    if spare < 0:
        return False
    for column, narrow, wide in zip(table.columns, least, whole, strict=True):
        column.width = min(wide, narrow + spare)
        spare -= column.width - narrow
    return True
