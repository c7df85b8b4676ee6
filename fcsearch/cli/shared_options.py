"""Options that several commands share: the runs' folder, the dataset, the model, the form of the output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fcsearch.urls import is_url

if TYPE_CHECKING:
    from fcsearch.space.overrides import Override

Command = Callable[..., None]
Option = Callable[[Command], Command]


class RunsFolder(click.ParamType[Path | str]):
    """A path, or (a str) a URL such as s3://bucket/runs."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:  # noqa: ARG002
        """The path, or the URL."""
        return value if is_url(value) else Path(value)


runs_folder = click.option(
    "--dir", "root", type=RunsFolder(), default="runs", show_default=True, help="The runs' folder, or its URL."
)
output_format = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="A text for people, or JSON for programs.",
)


def options(*given: Option) -> Option:
    """All of these options, which a command's help lists in this order."""

    def add(command: Command) -> Command:
        for option in reversed(given):
            command = option(command)
        return command

    return add


_DATA_DIR = "Folder with the files of a named dataset"
dataset_options = options(
    click.option("--dataset", metavar="NAME|PATH", help="The dataset, instead of the space's or the run's."),
    click.option("--label", metavar="COLUMN", help="Column to predict, if the dataset is a table."),
    click.option("--data-dir", metavar="DIR", help=f"{_DATA_DIR} that are already there."),
)
moved_data_options = options(
    click.option("--dataset", metavar="NAME|PATH", help="Where the run's data are now, if they have moved."),
    click.option("--data-dir", metavar="DIR", help=f"{_DATA_DIR}, if they have moved."),
)
model_options = options(
    click.option(
        "--model",
        metavar="best|confirmed|ensemble|refit|TRIAL",
        help="Which model of a run: the best of the search, the winner over several seeds, the ensemble, the refit, or "
        "that of a trial whose model was kept. Default: the confirmed winner if there is one, else the best; "
        "with folds its refit.",
    ),
    runs_folder,
)


def dataset_overrides(
    overrides: tuple[str, ...], label: str | None, data_dir: str | None
) -> tuple[str | Override, ...]:
    """The overrides of a space, including those for its dataset."""
    from fcsearch.space.as_yaml import in_quotes
    from fcsearch.space.overrides import Override

    given = {"label": label, "data_dir": data_dir}
    # So that a name such as `1` or `no` stays a text.
    return (
        *overrides,
        *(
            Override(f"dataset.{key}={in_quotes(value)}", f"--{key.replace('_', '-')} {value}")
            for key, value in given.items()
            if value is not None
        ),
    )
