"""The folder of the runs: a path, or a URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fcsearch.urls import is_url


class RunsFolder(click.ParamType[Path | str]):
    """A path, or (a str) a URL such as s3://bucket/runs."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:  # noqa: ARG002
        """The path, or the URL."""
        return value if is_url(value) else Path(value)


runs_folder = click.option(
    "--dir", "root", type=RunsFolder(), default="runs", show_default=True, help="The runs' folder, or its URL."
)
