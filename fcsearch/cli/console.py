"""The width and colours of everything that the commands print."""

from __future__ import annotations

import shlex
import sys
import textwrap
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from fcsearch.printing import PrintingConsole
from fcsearch.text import PIPE_WIDTH

if TYPE_CHECKING:
    from fcsearch.report import Report

_NARROWEST = 60
_UNBOUNDED = 100_000
_PATH_WIDTH = 40
_NAME_WIDTH = 15


def open_console(stream: TextIO | None = None) -> Console:
    """A console on a stream (standard output if None) that prints users' text as it is, without markup.

    On a terminal it has the terminal's width, but at least 60 columns: the terminal wraps lines that are too long.
    Elsewhere it has 100 columns, whatever COLUMNS says. Colours are used on terminals, and elsewhere if FORCE_COLOR
    asks for them; NO_COLOR turns them off.
    """
    console = PrintingConsole(file=stream or sys.stdout, highlight=False, markup=False, emoji=False)
    console.width = max(console.width, _NARROWEST) if console.file.isatty() else PIPE_WIDTH
    return console


def print_sentence(text: str, stream: TextIO | None = None) -> None:
    """Print a sentence to a stream (standard output if None): folded at spaces on a terminal, elsewhere one line.

    Longer words, such as paths that people copy, are left to the terminal.
    """
    console = open_console(stream)
    if console.file.isatty():
        fold = partial(textwrap.fill, width=console.width, break_long_words=False, break_on_hyphens=False)
        text = "\n".join(map(fold, text.split("\n")))
    console.print(Text(text), soft_wrap=True)


def plain_table(*columns: Column) -> Table:
    """A table with a line below its header."""
    return Table(*columns, box=SIMPLE_HEAD, pad_edge=False, show_edge=False)


def print_fields(fields: Sequence[tuple[str, str]], *, indent: int = 2) -> None:
    """Print names and values to standard output, a line for each; on a terminal long values are folded at spaces."""
    console = open_console()
    if not may_fold():
        for name, value in fields:
            console.print(f"{' ' * indent}{name:<{_NAME_WIDTH}} {value}", soft_wrap=True)
        return
    print_trimmed(console, Padding(fields_grid(fields), (0, 0, 0, indent)))


def print_figures(lines: Sequence[tuple[str, str, str]]) -> None:
    """Print figures to standard output: name, value and a remark, which a terminal folds below itself."""
    names, values = (max(map(len, column), default=0) for column in list(zip(*lines, strict=True))[:2])
    if not may_fold():
        for name, value, remark in lines:
            click.echo(f"  {name:<{names}}  {value:>{values}}  {remark}".rstrip())
        return
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    for name, value, remark in lines:
        grid.add_row(Text(name), Text(value), Text(remark))
    open_console().print(Padding(grid, (0, 0, 0, 2)))


def fields_grid(fields: Iterable[tuple[str, str]], *, style: str = "") -> Table:
    """Names, in a style, and values: the lines of a long value stand below each other, and none is cut."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True, min_width=_NAME_WIDTH)
    # A path or a configuration has no spaces to be folded at.
    grid.add_column(overflow="fold")
    for name, value in fields:
        grid.add_row(Text(name, style=style), Text(value))
    return grid


def command_lines(command: str, width: int) -> list[str]:
    """A command as lines that a shell reads as one: broken between its words where it is longer than the width."""
    if len(command) <= width:
        return [command]
    lines = [""]
    for word in map(shlex.quote, shlex.split(command)):
        # The sign that the command goes on needs room, too.
        if lines[-1] and len(f"{lines[-1]} {word} \\") > width:
            lines[-1] += " \\"
            lines.append("   ")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


def may_fold() -> bool:
    """Whether a table's cells may be folded at spaces: on a terminal, not where a program may read lines."""
    return sys.stdout.isatty()


def print_rows(
    columns: Sequence[Column], rows: Sequence[Sequence[RenderableType]], *, less_needed: Sequence[str]
) -> None:
    """Print a table to standard output; a narrow terminal is spared the columns that are needed least, and told so.

    Args:
        columns: The columns. Those without `no_wrap` are folded at spaces where there is no room.
        rows: Their cells.
        less_needed: Names of columns; the first one is the first to go.
    """
    left_out = 0
    while True:
        kept = [place for place, column in enumerate(columns) if column.header not in less_needed[:left_out]]
        table = plain_table(*(columns[place].copy() for place in kept))
        for row in rows:
            table.add_row(*(row[place] for place in kept))
        console = open_console()
        missing = sum(missing for _, _, missing in _foldable(console, table))
        if not may_fold() or left_out == len(less_needed) or _whole_width(console, table) - missing <= console.width:
            break
        left_out += 1
    print_table(table)
    if spared := [column.header for column in columns if column.header in less_needed[:left_out]]:
        console.print(Text(f"Left out for lack of room: {', '.join(map(str, spared))}.", style="dim"))


def _foldable(console: Console, table: Table) -> list[tuple[Column, int, int]]:
    """The columns that may be folded, each with its least width, and how much that is less than its whole width."""
    unbounded, found = console.options.update(width=_UNBOUNDED), []
    for column in (column for column in table.columns if not column.no_wrap):
        sizes = [Measurement.get(console, unbounded, cell) for cell in (column.header, *column.cells)]
        least = max(size.minimum for size in sizes)
        found.append((column, least, max(size.maximum for size in sizes) - least))
    return found


def _whole_width(console: Console, table: Table) -> int:
    return Measurement.get(console, console.options.update(width=_UNBOUNDED), table).maximum


def print_table(table: Table) -> None:
    """Print a table to standard output, wider than the screen rather than with a word or a `no_wrap` column cut."""
    console = open_console()
    needed = _whole_width(console, table)
    if needed > console.width:
        narrowed = _foldable(console, table)
        needed -= sum(missing for _, _, missing in narrowed)
        console.width = max(console.width, needed)
        # Rich would take room from columns that have none to give; the first ones have what is left.
        spare = console.width - needed
        for column, least, missing in narrowed:
            column.width = least + min(spare, missing)
            spare -= min(spare, missing)
    print_trimmed(console, table)


def print_trimmed(console: Console, shown: RenderableType) -> None:
    """Print without the spaces at the ends of lines with which a table fills its last column."""
    for line in console.render_lines(shown, pad=False):
        text = Text.assemble(*((segment.text, segment.style or "") for segment in line))
        text.rstrip()
        console.print(text, soft_wrap=True)


def print_report(report: Report) -> None:
    """Print a report to standard output."""
    from fcsearch.report import render_text

    console = open_console()
    color = console.color_system is not None
    click.echo(render_text(report, width=console.width, color=color), nl=False, color=color)


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
