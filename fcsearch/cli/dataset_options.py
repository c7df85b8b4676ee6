"""The options that name a dataset, or where a run's is now, the same for every command that takes them."""

from __future__ import annotations

import json

import click

from fcsearch.cli.option_group import Command, add_options

_OPTIONS = (
    click.option("--dataset", metavar="NAME|PATH", help="The dataset, instead of the space's or the run's."),
    click.option("--label", metavar="COLUMN", help="Column to predict, if the dataset is a table."),
    click.option("--data-dir", metavar="DIR", help="Folder with the files of a named dataset that are already there."),
)
_MOVED = (
    click.option("--dataset", metavar="NAME|PATH", help="Where the run's data are now, if they have moved."),
    click.option("--data-dir", metavar="DIR", help="Folder with the files of a named dataset, if they have moved."),
)


def dataset_options(command: Command) -> Command:
    """Add `--dataset`, `--label` and `--data-dir`."""
    return add_options(command, _OPTIONS)


def moved_data_options(command: Command) -> Command:
    """Add `--dataset` and `--data-dir` for the data of a run that have moved."""
    return add_options(command, _MOVED)


def dataset_overrides(overrides: tuple[str, ...], label: str | None, data_dir: str | None) -> tuple[str, ...]:
    """The overrides of a space, including those for its dataset."""
    given = {"dataset.label": label, "dataset.data_dir": data_dir}
    # JSON is YAML: quoted, so that a name such as `1` or `no` stays a text.
    return (*overrides, *(f"{key}={json.dumps(value)}" for key, value in given.items() if value is not None))
