"""The options that choose a model, the same for every command that uses one."""

from __future__ import annotations

from collections.abc import Callable

import click

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


def model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--model` and `--dir`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
