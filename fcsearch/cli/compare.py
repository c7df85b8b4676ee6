"""`fcsearch compare`: runs side by side."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fcsearch.cli.shared_options import output_format, runs_folder

if TYPE_CHECKING:
    from fcsearch.comparison import Comparison, Section


@click.command()
@click.argument("runs", metavar="RUN RUN...", nargs=-1, required=True)
@runs_folder
@output_format
@click.option(
    "--html", "page", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Also write it as a page."
)
def compare(runs: tuple[str, ...], root: Path | str, form: str, page: Path | None) -> None:
    """Compare runs: after equally many trials, in equal time, and over the seeds that all were confirmed with.

    RUN is a run directory, or the name of a run in the runs' folder. The leader of each table comes first; for each
    other run the table says by how much it is behind, with a 95% interval, or that it ties if chance explains the
    difference. Runs on other rows are shown but not compared; runs with different objectives are refused.

    \b
    Example:
      fcsearch compare dropout depth
      fcsearch compare runs/a runs/b runs/c --format json
      fcsearch compare dropout depth --html dropout_or_depth.html
    """
    from fcsearch.comparison import compare_runs
    from fcsearch.results import resolve_run

    found = compare_runs([resolve_run(name, root) for name in runs])
    if page is not None:
        _write_page(found, page)
    if form == "json":
        click.echo(json.dumps(dataclasses.asdict(found), indent=2))
    else:
        _print(found)


def _write_page(found: Comparison, path: Path) -> None:
    from fcsearch.comparison import comparison_page
    from fcsearch.errors import UsageError
    from fcsearch.whole_file import whole_file

    try:
        with whole_file(path) as stream:
            stream.write(comparison_page(found).encode())
    except OSError as error:
        raise UsageError(
            f"--html must be a file that can be written; found {path}: {error.strerror or error}; name another file"
        ) from error


def _print(found: Comparison) -> None:
    from rich.text import Text

    from fcsearch.cli.console import open_console, print_sentence, print_trimmed, short_path
    from fcsearch.comparison.section_tables import relabelled, short_labels
    from fcsearch.config.objective import OBJECTIVES

    console, labels = open_console(), short_labels(found.runs)
    console.print(Text(f"{len(found.runs)} runs, by validation {OBJECTIVES[found.objective].title}", style="bold"))
    _print_checks(found, labels)
    if not found.comparable:
        console.print(Text("These runs cannot be compared: each is shown by itself.", style="bold yellow"))
    for section in found.sections:
        _print_section(section, found, labels)
    if not found.sections:
        console.print(
            "\nThere is nothing to compare yet: each run must have a trial that was trained, and one of them a result."
        )
    _print_differences(found, labels)
    console.print()
    for method in found.methods:
        print_trimmed(console, Text(relabelled(method, labels), style="dim"))
    for run in found.unconfirmed:
        print_sentence(f"Not confirmed over other seeds: fcsearch confirm {short_path(run)}")


def _print_checks(found: Comparison, labels: Mapping[str, str]) -> None:
    """What agrees and what differs; of runs that cannot be compared only why."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from fcsearch.cli.console import open_console, print_trimmed
    from fcsearch.comparison.section_tables import relabelled

    grid = Table.grid(padding=(0, 2, 0, 0))
    for check in found.checks:
        if found.comparable or check.needed:
            style = "bold yellow" if check.needed and not check.same else ""
            grid.add_row(Text(check.subject, style="dim"), Text(relabelled(check.sentence, labels), style=style))
    print_trimmed(open_console(), Padding(grid, (0, 0, 0, 2)))


def _print_section(section: Section, found: Comparison, labels: Mapping[str, str]) -> None:
    from rich.table import Column
    from rich.text import Text

    from fcsearch.cli.console import open_console, print_rows, print_trimmed
    from fcsearch.comparison.section_tables import section_columns, section_rows, section_title

    title = section_title(section, found, labels)
    print_trimmed(open_console(), Text(f"\n{title}", style="bold cyan"))
    # An interval in two lines is not read as one.
    columns = [
        Column(name, justify="right" if name not in ("run", "") else "left", no_wrap=True)
        for name in section_columns(section, comparable=found.comparable)
    ]
    rows = [list(map(Text, cells)) for cells in section_rows(section, found, labels)]
    print_rows(columns, rows, less_needed=("trial", "trials", "95% interval", "seeds"))


def _print_differences(found: Comparison, labels: Mapping[str, str]) -> None:
    from rich.table import Column
    from rich.text import Text

    from fcsearch.cli.console import may_fold, open_console, print_rows
    from fcsearch.comparison.section_tables import difference_table

    heads, rows = difference_table(found, labels)
    if rows and found.comparable:
        open_console().print(Text("\nWhat differs between the spaces", style="bold cyan"))
        columns = [Column(head, no_wrap=number == 0 or not may_fold()) for number, head in enumerate(heads)]
        print_rows(columns, [list(map(Text, cells)) for cells in rows], less_needed=())
