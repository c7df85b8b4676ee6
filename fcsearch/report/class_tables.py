"""A classifier's figures by class, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from fcsearch.evaluation.classification import ClassFigures, Classification
from fcsearch.report.number_table import COLUMN_GAP, number_table
from fcsearch.report.words import class_list, percent

_PAIRS = 10
# A larger matrix is unreadable.
_MAX_MATRIX = 12


def class_parts(
    found: Classification, *, width: int, limit: int | None = None, matrix: bool = True
) -> Iterator[RenderableType]:
    """The figures of each class, and which classes are confused.

    Args:
        found: The figures.
        width: Columns; a confusion matrix that needs more is shown as its most confused pairs.
        limit: How many classes to show, those with the lowest F1; None: all, in the order of the dataset.
        matrix: Whether to show which classes are confused.
    """
    shown = [entry for entry in found.classes if entry.rows or limit is None]
    if limit is not None and len(shown) > limit:
        shown = sorted(shown, key=lambda entry: entry.f1 or 0.0)[:limit]
        yield Text(f"The {limit} classes of {len(found.classes):,} with the lowest F1:", style="dim")
    yield _figures(shown)
    if found.without_rows:
        yield Text(f"No rows of {class_list(found.without_rows)}: nothing was measured for it.")
    if not matrix:
        return
    if (table := _matrix(found, width)) is not None:
        yield Text("\nRows by class (left) and by predicted class (top):", style="dim")
        yield table
    elif pairs := found.most_confused(_PAIRS):
        yield Text("\nConfused most often:", style="dim")
        table = number_table("class", "taken for", "rows", right=1)
        for pair in pairs:
            table.add_row(Text(pair.actual), Text(pair.predicted), f"{pair.rows:,}")
        yield table


def _figures(classes: Sequence[ClassFigures]) -> Table:
    table = number_table("class", "rows", "recall", "precision", "F1", right=4)
    for entry in classes:
        shares = (percent(entry.recall), percent(entry.precision), percent(entry.f1))
        table.add_row(Text(entry.name), f"{entry.rows:,}", *shares)
    return table


def _matrix(found: Classification, width: int) -> Table | None:
    names = [entry.name for entry in found.classes]
    columns = [[name, *(f"{row[index]:,}" for row in found.confusion)] for index, name in enumerate(names)]
    needed = max(map(len, names)) + sum(max(map(len, cells)) + COLUMN_GAP for cells in columns)
    if len(names) > _MAX_MATRIX or needed > width:
        return None
    table = number_table("", *names, right=len(names))
    for index, (name, row) in enumerate(zip(names, found.confusion, strict=True)):
        # The diagonal counts the correct rows.
        cells = [Text(f"{count:,}", style="bold" if column == index else "") for column, count in enumerate(row)]
        table.add_row(Text(name, style="dim"), *cells)
    return table
