"""`fcsearch resume`: continues a run."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import click

from fcsearch.cli.searching import conclude, going_on, search_options, varying
from fcsearch.cli.shared_options import moved_data_options, runs_folder


@click.command()
@click.argument("run", required=False)
@runs_folder
@click.option("--trials", type=click.IntRange(min=1), help="The run's new total. Default: unchanged.")
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
    not touched; those that were in training continue from their last checkpoint. Options that are not given keep their
    old values, except for the time budget and the cluster. If the data have moved, name them with --dataset; they must
    be the same rows, and the run stores their new location.

    \b
    Example:
      fcsearch resume
      fcsearch resume runs/full --trials 200
      fcsearch resume runs/full --time-budget 10m
      fcsearch resume runs/full --dataset /mnt/new/customers.csv
    """
    # Of the time budget, the libraries are part.
    began = time.monotonic()
    from fcsearch.cli.live import open_view
    from fcsearch.results import RunDirectory, resolve_run
    from fcsearch.search.api import resume_search, saved_options

    directory = RunDirectory.open(resolve_run(run, root))
    changes = {key: value for key, value in options.items() if value is not None}
    settings = dataclasses.replace(saved_options(directory), **changes)
    space = directory.space()
    with going_on(directory.path), open_view(parameters=varying(space), quiet=quiet, verbose=verbose) as view:
        result = resume_search(directory, settings, source=dataset, data_dir=data_dir, view=view, began=began)
    conclude(result, quiet=quiet)
