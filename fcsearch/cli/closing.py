"""The last lines of a run, below its report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fcsearch.cli.console import command_lines, may_fold, open_console, print_trimmed

if TYPE_CHECKING:
    from fcsearch.report import Report

_INDENT = 2


def print_closing(report: Report) -> None:
    """Print the winner once more, or why there is none, and the usual next commands; nothing without a result.

    Where the run has a journal, how to open it in Optuna's dashboard comes last.
    """
    from fcsearch.report.closing import dashboard, figures_line, next_commands, winner_line

    if report.best is None:
        return
    console = open_console()
    console.print()
    if (verdict := report.trust.verdict) is not None:
        console.print(Text(f"No winner: {verdict.words}", style="bold yellow"))
    elif not report.trust.recommends:
        console.print(Text(str(report.trust.caution), style="bold yellow"))
    else:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_row(Text("Winner", style="bold green"), Text(winner_line(report, report.best)))
        grid.add_row("", Text(figures_line(report, report.best), style="bold"))
        if report.trust.caution:
            grid.add_row("", Text(str(report.trust.caution), style="yellow"))
        print_trimmed(console, grid)
    if commands := next_commands(report):
        _print_commands(console, "Next", commands)
    if Path(journal := report.files["journal"]).is_file():
        title, command = dashboard(journal)
        _print_commands(console, title, [command])


def _print_commands(console: Console, title: str, commands: Sequence[str]) -> None:
    console.print(Text(title, style="bold green"))
    # One line, however long, where a program may read it.
    width = console.width - _INDENT if may_fold() else sys.maxsize
    for command in commands:
        for line in command_lines(command, width):
            console.print(Text(" " * _INDENT + line), soft_wrap=True)
