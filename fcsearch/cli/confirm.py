"""`fcsearch confirm`: the best configurations of a run again, with other seeds."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import click

from fcsearch.cli.number_types import Integer
from fcsearch.cli.searching import conclude, going_on, refit_option, resource_options, varying
from fcsearch.cli.shared_options import moved_data_options, runs_folder


@click.command()
@click.argument("run", required=False)
@runs_folder
@click.option(
    "--top",
    type=Integer(min=1),
    default=5,
    show_default=True,
    help="How many of the best; trials that early stopping ended are passed over, if there are others.",
)
@click.option("--seeds", type=Integer(min=1), default=5, show_default=True, help="With how many other seeds.")
@refit_option
@moved_data_options
@resource_options
def confirm(
    run: str | None,
    root: Path | str,
    top: int,
    seeds: int,
    refit: bool | None,
    dataset: str | None,
    data_dir: str | None,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Train the best configurations of a run again with other seeds, and say which one wins on average.

    RUN is a run directory, or the name of a run in the runs' folder; the newest run if not given. Nothing is trained
    twice: to continue after Ctrl-C, or with more seeds, repeat the command. The ensemble is selected again from
    the networks that the run has kept.

    \b
    Example:
      fcsearch confirm
      fcsearch confirm runs/full --top 3 --seeds 10
      fcsearch confirm runs/full --refit
    """
    # Of the time budget, the libraries are part.
    began = time.monotonic()
    from fcsearch.cli.live import open_view
    from fcsearch.results import RunDirectory, resolve_run
    from fcsearch.search.api import confirm_run, saved_options

    directory = RunDirectory.open(resolve_run(run, root))
    changes = {key: value for key, value in options.items() if value is not None}
    changes |= {"confirm": top, "confirm_seeds": seeds, "refit": refit}
    settings = dataclasses.replace(saved_options(directory), **changes)
    space = directory.space()
    with (
        going_on(directory.path, again="confirm"),
        open_view(parameters=varying(space), quiet=quiet, verbose=verbose) as view,
    ):
        result = confirm_run(directory, settings, source=dataset, data_dir=data_dir, view=view, began=began)
    conclude(result, quiet=quiet, again="confirm")
