"""The options that name a dataset, the same for every command that takes one."""

from __future__ import annotations

import json
from collections.abc import Callable

import click

_OPTIONS = (
    click.option("--dataset", metavar="NAME|PATH", help="The dataset, instead of the space's or the run's."),
    click.option("--label", metavar="COLUMN", help="Column to predict, if the dataset is a table."),
    click.option("--data-dir", metavar="DIR", help="Folder with the files of a named dataset that are already there."),
)


def dataset_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--dataset`, `--label` and `--data-dir`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def dataset_overrides(overrides: tuple[str, ...], label: str | None, data_dir: str | None) -> tuple[str, ...]:
    """The overrides of a space, including those for its dataset."""
    given = {"dataset.label": label, "dataset.data_dir": data_dir}
    # JSON is YAML: quoted, so that a name such as `1` or `no` stays a text.
    return (*overrides, *(f"{key}={json.dumps(value)}" for key, value in given.items() if value is not None))
