"""`fcsearch tag`: tags to find runs by."""

from __future__ import annotations

from pathlib import Path

import click

from fcsearch.cli.shared_options import runs_folder


@click.command()
@click.argument("run")
@click.argument("tags", metavar="[TAG...]", nargs=-1)
@click.option("--remove", is_flag=True, help="Remove the tags instead.")
@runs_folder
def tag(run: str, tags: tuple[str, ...], remove: bool, root: Path | str) -> None:
    """Add tags to a run, which `fcsearch runs` and the report show. The run may be in progress.

    RUN is a run directory, or the name of a run in the runs' folder. Prints the run's tags after the change.

    \b
    Example:
      fcsearch tag dropout baseline may
      fcsearch tag dropout may --remove
      fcsearch runs --tag baseline
    """
    from fcsearch.results import RunDirectory, read_labels, remote, resolve_run, write_labels

    path = RunDirectory.open(resolve_run(run, root)).path
    labels = read_labels(path)
    if tags:
        labels = labels.without_tags(tags) if remove else labels.with_tags(tags)
        with remote.sending(path):
            write_labels(path, labels)
    click.echo(" ".join(labels.tags) or f"{path} has no tags")
