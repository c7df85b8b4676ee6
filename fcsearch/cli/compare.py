"""`fcsearch compare`: runs side by side."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fcsearch.comparison import Comparison, Lead, Section
    from fcsearch.config.objective import Objective


@click.command()
@click.argument("runs", metavar="RUN RUN...", nargs=-1, required=True)
@click.option(
    "--dir", "root", type=click.Path(path_type=Path), default="runs", show_default=True, help="The runs' folder."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def compare(runs: tuple[str, ...], root: Path, form: str) -> None:
    """Compare runs: after equally many trials, in equal time, and over seeds where they were confirmed.

    RUN is a run directory, or the name of a run in the runs' folder. The leader of each table comes first; of each
    other run it says by how much it is behind, with a 95% interval; a tie, if chance explains that. Runs on other rows,
    or by other objectives, are shown and not compared.

    \b
    Example:
      fcsearch compare dropout depth
      fcsearch compare runs/a runs/b runs/c --format json
    """
    from fcsearch.comparison import compare_runs
    from fcsearch.results import resolve_run

    found = compare_runs([resolve_run(name, root) for name in runs])
    if form == "json":
        click.echo(json.dumps(dataclasses.asdict(found), indent=2))
    else:
        _print(found)


def _print(found: Comparison) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from fcsearch.cli.console import open_console, short_path
    from fcsearch.comparison.standing import METHOD, SEEDS_METHOD
    from fcsearch.config.objective import OBJECTIVES

    console = open_console()
    labels = {run: short_path(run) for run in found.runs}
    console.print(Text(f"{len(found.runs)} runs, by validation {OBJECTIVES[found.objective].title}", style="bold"))
    grid = Table.grid(padding=(0, 2, 0, 0))
    for check in found.checks:
        style = "bold yellow" if check.needed and not check.same else ""
        grid.add_row(Text(check.subject, style="dim"), Text(_relabelled(check.sentence, labels), style=style))
    console.print(Padding(grid, (0, 0, 0, 2)))
    if not found.comparable:
        console.print(Text("These runs cannot be compared: what follows is of each by itself.", style="bold yellow"))
    for section in found.sections:
        _print_section(section, found, labels)
    bases = {section.basis for section in found.sections}
    if bases - {"seeds"}:
        console.print(Text(f"\n{METHOD}", style="dim"))
    if "seeds" in bases:
        console.print(Text(SEEDS_METHOD, style="dim"))
    for run in found.unconfirmed:
        console.print(Text(f"Not confirmed over seeds: fcsearch confirm {labels[run]}", style="dim"), soft_wrap=True)


def _print_section(section: Section, found: Comparison, labels: Mapping[str, str]) -> None:
    from rich.text import Text

    from fcsearch.cli.console import open_console, plain_table, print_table
    from fcsearch.config.objective import OBJECTIVES

    objective = OBJECTIVES[found.objective]
    open_console().print(Text(f"\n{_title(section)}", style="bold cyan"))
    table = plain_table()
    table.add_column("run", no_wrap=True)
    over_seeds = section.basis == "seeds"
    for name in ("seeds" if over_seeds else "trials", "trial", "mean" if over_seeds else "best", "95% interval"):
        table.add_column(name, justify="right", no_wrap=True)
    if found.comparable:
        table.add_column("behind", justify="right", no_wrap=True)
        table.add_column("95%", justify="right", no_wrap=True)
        table.add_column("")
    for number, entry in enumerate(section.standings):
        cells = [labels[entry.run], f"{entry.trials:,}", "-" if entry.trial_id is None else str(entry.trial_id)]
        interval = "-" if entry.low is None else f"{objective.show(entry.low)} to {objective.show(entry.high)}"
        cells += [objective.show(entry.value), interval]
        if found.comparable:
            cells += _lead_cells(entry.lead, objective, leads=number == 0 and entry.value is not None)
        table.add_row(*map(Text, cells))
    print_table(table)


def _lead_cells(lead: Lead | None, objective: Objective, *, leads: bool) -> list[str]:
    if lead is None:
        return ["", "", "leads" if leads else "no result yet"]
    shown = objective.show_difference(lead.difference)
    if lead.low is None or lead.high is None:
        return [shown, "", "too few to say"]
    low, high = (objective.show_difference(end).removesuffix(" points") for end in (lead.low, lead.high))
    return [shown, f"{low} to {high}", "tie" if lead.explained_by_chance else "behind"]


def _title(section: Section) -> str:
    from fcsearch.report.words import duration, plural

    if section.basis == "trials":
        return f"After {plural(int(section.amount or 0), 'trial')} each"
    if section.basis == "time":
        return f"After {duration(section.amount or 0.0)} each"
    return "Winners over other seeds"


def _relabelled(sentence: str, labels: Mapping[str, str]) -> str:
    """The sentence with the runs' short paths."""
    for run in sorted(labels, key=len, reverse=True):
        sentence = sentence.replace(run, labels[run])
    return sentence
