"""`fcsearch report`: which network a run found best, and how far to trust it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fcsearch.cli.number_types import Integer
from fcsearch.cli.shared_options import output_format, runs_folder

if TYPE_CHECKING:
    from fcsearch.errors import RunError


@click.command()
@click.argument("run", required=False)
@runs_folder
@output_format
@click.option("--top", type=Integer(min=1), default=10, show_default=True, help="How many of the best to list.")
@click.option("--no-write", is_flag=True, help="Only print: do not write report.html and report.json, measure nothing.")
def report(run: str | None, root: Path | str, form: str, top: int, no_write: bool) -> None:
    """Say which network a run found best, and how far to trust it.

    RUN is a run directory, or the name of a run in the runs' folder; the newest run if not given. The report is also
    written to the run directory, as report.html and report.json. The best network is measured on the test rows only
    once, after the run has ended.

    \b
    Example:
      fcsearch report
      fcsearch report runs/dropout --top 5
      fcsearch report runs/dropout --format json
    """
    from fcsearch.cli.console import print_report
    from fcsearch.report import render_json, report_of
    from fcsearch.results import RunDirectory, remote, resolve_run

    directory = RunDirectory.open(resolve_run(run, root))
    with remote.sending(directory.path):
        # A read-only run can still be reported.
        found = report_of(directory, top=top, write=not no_write, refused=_say)
    if form == "json":
        click.echo(render_json(found), nl=False)
    else:
        print_report(found)


def _say(error: RunError) -> None:
    from fcsearch.cli.console import print_sentence

    print_sentence(f"fcsearch: could not write the report: {error}", sys.stderr)
