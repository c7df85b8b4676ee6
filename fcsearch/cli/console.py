"""The width and colours of everything that the commands print."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from fcsearch.printing import PrintingConsole
from fcsearch.text import PIPE_WIDTH

if TYPE_CHECKING:
    from fcsearch.report import Report

_NARROWEST = 60
_UNBOUNDED = 100_000
_PATH_WIDTH = 40


def open_console(stream: TextIO | None = None) -> Console:
    """A console on a stream (standard output if None) that prints users' text as it is, without markup.

    On a terminal it has the terminal's width, but at least 60 columns: the terminal wraps lines that are too long.
    Elsewhere it has 100 columns, whatever COLUMNS says. Colours are used on terminals, and elsewhere if FORCE_COLOR
    asks for them; NO_COLOR turns them off.
    """
    console = PrintingConsole(file=stream or sys.stdout, highlight=False, markup=False, emoji=False)
    console.width = max(console.width, _NARROWEST) if console.file.isatty() else PIPE_WIDTH
    return console


def plain_table() -> Table:
    """A table with a line below its header."""
    return Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)


def may_fold() -> bool:
    """Whether a table's cells may be folded at spaces: on a terminal, not where a program may read lines."""
    return sys.stdout.isatty()


def print_table(table: Table) -> None:
    """Print a table to standard output, wider than the screen rather than with a word or a `no_wrap` column cut."""
    console = open_console()
    unbounded = console.options.update(width=_UNBOUNDED)
    needed = Measurement.get(console, unbounded, table).maximum
    narrowed = []
    if needed > console.width:
        for column in (column for column in table.columns if not column.no_wrap):
            sizes = [Measurement.get(console, unbounded, cell) for cell in (column.header, *column.cells)]
            column.width = max(size.minimum for size in sizes)
            missing = max(size.maximum for size in sizes) - column.width
            narrowed.append((column, missing))
            needed -= missing
        console.width = max(console.width, needed)
        # Rich would take room from columns that have none to give; the first ones have what is left.
        spare = console.width - needed
        for column, missing in narrowed:
            column.width = (column.width or 0) + min(spare, missing)
            spare -= min(spare, missing)
    console.print(table)


def print_report(report: Report) -> None:
    """Print a report to standard output."""
    from fcsearch.report import render_text

    console = open_console()
    color = console.color_system is not None
    click.echo(render_text(report, width=console.width, color=color), nl=False, color=color)


def print_closing(report: Report) -> None:
    """Print the last lines of a run: the winner, its figures, and the usual next commands; nothing without a winner."""
    from fcsearch.report.closing import figures_line, next_commands, winner_line

    if report.best is None:
        return
    console = open_console()
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row(Text("Winner", style="bold green"), Text(winner_line(report, report.best)))
    grid.add_row("", Text(figures_line(report, report.best), style="bold"))
    console.print()
    console.print(grid)
    console.print(Text("Next", style="bold green"))
    for command in next_commands(report):
        # One line, however long, so that it can be copied.
        console.print(Text(f"  {command}"), soft_wrap=True)


def short_path(path: str) -> str:
    """A path for a table: relative to the working folder if inside it, else without its first folders if long.

    The part left out is shown as `...`. The last part is always whole, and so is a URL.
    """
    if "://" in path:
        return path
    shown = Path(path)
    if shown.is_absolute() and shown.is_relative_to(Path.cwd()):
        shown = shown.relative_to(Path.cwd())
    parts = shown.parts
    while len(str(shown)) > _PATH_WIDTH and len(parts) > 1:
        parts = parts[1:]
        shown = Path("...", *parts)
    return str(shown)
