"""`fcsearch runs`: the runs of a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click


@click.command()
@click.option(
    "--dir", "root", type=click.Path(path_type=Path), default="runs", show_default=True, help="The runs' folder."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def runs(root: Path, form: str) -> None:
    """List the runs of a folder, newest first.

    \b
    Example:
      fcsearch runs
      fcsearch runs --dir runs --format json
    """
    from fcsearch.results import find_runs, summarize_run

    found = [summarize_run(path) for path in find_runs(root)]
    if form == "json":
        click.echo(json.dumps(found, indent=2))
    elif found:
        _print_table(found)
    else:
        click.echo(f"no runs in {root}; start one with `fcsearch run --space FILE`")


def _best(entry: dict[str, Any]) -> str:
    from fcsearch.config.objective import OBJECTIVES

    if entry["best_value"] is None:
        return "-"
    objective = OBJECTIVES[entry["objective"]]
    shown = objective.show(entry["best_value"])
    return shown if objective.name == "accuracy" else f"{shown} {objective.title}"


def _print_table(found: Sequence[dict[str, Any]]) -> None:
    from rich.text import Text

    from fcsearch.cli.console import open_console, plain_table, print_table, short_path

    table = plain_table()
    for name in ("run", "state", "dataset", "started (UTC)"):
        table.add_column(name, no_wrap=True)
    for name in ("trials", "best validation"):
        table.add_column(name, justify="right", no_wrap=True)
    for entry in found:
        table.add_row(
            Text(short_path(entry["path"])),
            entry["state"],
            Text(short_path(entry["dataset"] or "-")),
            (entry["created_at"] or "-")[:19].replace("T", " "),
            _trials(entry),
            _best(entry),
        )
    print_table(table)
    for entry in found:
        if entry["error"]:
            open_console().print(f"{entry['path']}: {entry['error']}", soft_wrap=True)


def _trials(entry: dict[str, Any]) -> str:
    """How many are done; of a run that has not all of them, also how many it is to have, and why it ended."""
    if entry["trials"] is None:
        return "-"
    done = f"{entry['trials']:,}"
    if entry["planned"] is None or entry["trials"] >= entry["planned"]:
        return done
    return f"{done} of {entry['planned']:,}" + (", time budget" if entry["ended_by"] == "time_budget" else "")
