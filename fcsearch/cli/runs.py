"""`fcsearch runs`: the runs of a folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fcsearch.cli.shared_options import output_format, runs_folder
from fcsearch.errors import UsageError

if TYPE_CHECKING:
    from fcsearch.results import Summary


@click.command()
@runs_folder
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only runs with this tag; several: with all of them.")
@output_format
def runs(root: Path | str, tags: tuple[str, ...], form: str) -> None:
    """List the runs of a folder, newest first.

    Each with its state, the trials done and asked for, the best figure on validation rows, its data, and its size on
    the disk; then the errors of runs that failed or are damaged.

    \b
    Example:
      fcsearch runs
      fcsearch runs --tag baseline
      fcsearch runs --dir runs --format json
    """
    from fcsearch.results import find_runs, summarize_run
    from fcsearch.results.runs import DEFAULT_ROOT

    # Before the first run there is no default folder.
    if isinstance(root, Path) and root != DEFAULT_ROOT and not root.is_dir():
        raise UsageError(f"--dir must be a folder with runs; found no folder {root}; name the one that holds them")
    found = [summarize_run(path) for path in find_runs(root)]
    found = [entry for entry in found if set(tags) <= set(entry.tags)]
    if form == "json":
        click.echo(json.dumps([dataclasses.asdict(entry) for entry in found], indent=2))
    elif found:
        _print(found)
    elif tags:
        click.echo(f"no runs with {' and '.join(tags)} in {root}; `fcsearch tag RUN TAG` gives a run a tag")
    else:
        click.echo(f"no runs in {root}; start one with `fcsearch run --space FILE`")


def _best(entry: Summary) -> str:
    from fcsearch.config.objective import OBJECTIVES

    if entry.objective is None or entry.best_value is None:
        return "-"
    objective = OBJECTIVES[entry.objective]
    shown = objective.show(entry.best_value)
    return shown if objective.name == "accuracy" else f"{shown} {objective.title}"


def _print(found: Sequence[Summary]) -> None:
    from fcsearch.cli.console import may_fold, open_console, short_path

    # A line for each, where a program may read it.
    lines = not may_fold()
    if whole := [entry for entry in found if entry.state != "damaged"]:
        _print_table(whole)
    for entry in found:
        if said := [*(f"#{tag}" for tag in entry.tags), *([entry.note] if entry.note else [])]:
            open_console().print(f"{short_path(entry.path)} {' '.join(said)}", soft_wrap=lines)
    for entry in found:
        if entry.error:
            why = " ".join(entry.error.split())
            open_console().print(f"{short_path(entry.path)} {entry.state}: {why}", soft_wrap=lines)


def _print_table(found: Sequence[Summary]) -> None:
    from rich.table import Column
    from rich.text import Text

    from fcsearch.cli.console import may_fold, print_rows, short_path

    columns = [
        Column("run", no_wrap=True),
        Column("state", no_wrap=not may_fold()),
        Column("dataset", no_wrap=True),
        Column("started (UTC)", no_wrap=not may_fold()),
        *(Column(name, justify="right", no_wrap=not may_fold()) for name in ("trials", "best validation")),
        Column("size", justify="right", no_wrap=True),
    ]
    rows = [
        (
            Text(short_path(entry.path)),
            entry.ending,
            Text(short_path(entry.dataset or "-")),
            (entry.created_at or "-")[:19].replace("T", " "),
            _trials(entry),
            _best(entry),
            size_text(entry.bytes),
        )
        for entry in found
    ]
    print_rows(columns, rows, less_needed=("size", "started (UTC)", "dataset"))


def size_text(count: int) -> str:
    """A number of bytes in a readable unit."""
    size, unit = float(count), "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" or size >= 99.5 else f"{size:.1f} {unit}"


def _trials(entry: Summary) -> str:
    """How many trials are done; for an incomplete run also how many were asked for, and how many are unfinished."""
    if entry.trials is None:
        return "-"
    left = f", {entry.unfinished:,} unfinished" if entry.unfinished else ""
    if entry.planned is None or entry.trials >= entry.planned:
        return f"{entry.trials:,}{left}"
    return f"{entry.trials:,} of {entry.planned:,}{left}"
