"""`fcsearch tag`: tags to find runs by."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run")
@click.argument("tags", metavar="[TAG...]", nargs=-1)
@click.option("--remove", is_flag=True, help="Remove the tags instead.")
@click.option(
    "--dir", "root", type=click.Path(path_type=Path), default="runs", show_default=True, help="The runs' folder."
)
def tag(run: str, tags: tuple[str, ...], remove: bool, root: Path) -> None:
    """Add tags to a run, which `fcsearch runs` and the report show. The run may be in progress.

    RUN is a run directory, or the name of a run in the runs' folder. Prints the run's tags after the change.

    \b
    Example:
      fcsearch tag dropout baseline may
      fcsearch tag dropout may --remove
      fcsearch runs --tag baseline
    """
    from fcsearch.results import RunDirectory, read_labels, resolve_run, write_labels

    path = RunDirectory.open(resolve_run(run, root)).path
    labels = read_labels(path)
    if tags:
        labels = labels.without_tags(tags) if remove else labels.with_tags(tags)
        write_labels(path, labels)
    click.echo(" ".join(labels.tags) or f"{path} has no tags")
