"""The options that choose a model, the same for every command that uses one."""

from __future__ import annotations

import click

from fcsearch.cli.option_group import Command, add_options
from fcsearch.cli.runs_folder import runs_folder

_OPTIONS = (
    click.option(
        "--model",
        metavar="best|confirmed|ensemble|refit|TRIAL",
        help="Which model of a run: the best of the search, the winner over several seeds, the ensemble, the refit, or "
        "that of a trial whose model was kept. Default: the confirmed winner if there is one, else the best; "
        "with folds its refit.",
    ),
    runs_folder,
)


def model_options(command: Command) -> Command:
    """Add `--model` and `--dir`."""
    return add_options(command, _OPTIONS)
