"""`fcsearch resume`: continues a run."""

from __future__ import annotations

import dataclasses
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fcsearch.cli.number_types import Integer
from fcsearch.cli.searching import conclude, going_on, search_options, varying
from fcsearch.cli.shared_options import moved_data_options, runs_folder

if TYPE_CHECKING:
    from fcsearch.results import RunDirectory

# Options that change what a finished run offers.
_CHANGING = {"confirm", "confirm_seeds", "refit", "ensemble", "keep_models"}


@click.command()
@click.argument("run", required=False)
@runs_folder
@click.option("--trials", type=Integer(min=1), help="The run's new total. Default: unchanged.")
@moved_data_options
@search_options
def resume(
    run: str | None,
    root: Path | str,
    dataset: str | None,
    data_dir: str | None,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Continue an interrupted run, or add trials to a finished one.

    RUN is a run directory, or the name of a run in the runs' folder; the newest run if not given. Finished trials are
    not touched; those that were in training continue from their last checkpoint. A run with all of its trials stays as
    it is. Options that are not given keep their old values, except for the time budget and the cluster. If the data
    have moved, name them with --dataset; they must be the same rows, and the run stores their new location.

    \b
    Example:
      fcsearch resume
      fcsearch resume runs/full --trials 200
      fcsearch resume runs/full --time-budget 10m
      fcsearch resume runs/full --dataset /mnt/new/customers.csv
    """
    # Of the time budget, the libraries are part.
    began = time.monotonic()
    from fcsearch.results import RunDirectory, resolve_run

    directory = RunDirectory.open(resolve_run(run, root))
    changes = {key: value for key, value in options.items() if value is not None}
    if dataset is None and data_dir is None and _has_nothing_left(directory, changes):
        _say_finished(directory, quiet=quiet)
        return
    from fcsearch.cli.live import open_view
    from fcsearch.search.api import resume_search, saved_options

    settings = dataclasses.replace(saved_options(directory), **changes)
    space = directory.space()
    with going_on(directory.path), open_view(parameters=varying(space), quiet=quiet, verbose=verbose) as view:
        result = resume_search(directory, settings, source=dataset, data_dir=data_dir, view=view, began=began)
    conclude(result, quiet=quiet)


def _has_nothing_left(run: RunDirectory, changes: Mapping[str, Any]) -> bool:
    """Whether a run is finished, and the options ask for nothing new."""
    from fcsearch.report.finished import is_finished

    if changes.keys() & _CHANGING or not is_finished(run):
        return False
    done = len(run.finished_trials())
    return bool(changes.get("trials", done) == done)


def _say_finished(run: RunDirectory, *, quiet: bool) -> None:
    """How many trials it has, and what it takes to go on; quietly: where it is."""
    from fcsearch.cli.console import print_sentence
    from fcsearch.report.words import plural
    from fcsearch.results import remote

    where, done = remote.address(run.path), len(run.finished_trials())
    if quiet:
        click.echo(where)
        return
    report, more = (shlex.join(["fcsearch", *words]) for words in (["report", where], ["resume", where, "--trials"]))
    print_sentence(f"{where} is finished, with {plural(done, 'trial')}: `{report}` shows what it found")
    print_sentence(f"to search on, name a larger total: `{more} {2 * done}`")
