"""`fcsearch note`: what a user says of a run."""

from __future__ import annotations

from pathlib import Path

import click

from fcsearch.cli.runs_folder import runs_folder


@click.command()
@click.argument("run")
@click.argument("text", required=False)
@runs_folder
def note(run: str, text: str | None, root: Path | str) -> None:
    """Give a run a note, which `fcsearch runs` and the report show; also while it is searching.

    RUN is a run directory, or the name of a run in the runs' folder. TEXT takes the place of the note that was there;
    an empty one removes it. Without TEXT the note is printed.

    \b
    Example:
      fcsearch note dropout "with the rows of May"
      fcsearch note dropout
      fcsearch note dropout ""
    """
    from fcsearch.results import RunDirectory, read_labels, remote, resolve_run, write_labels

    path = RunDirectory.open(resolve_run(run, root)).path
    labels = read_labels(path)
    if text is None:
        click.echo(labels.note or f"{path} has no note")
    else:
        with remote.sending(path):
            write_labels(path, labels.with_note(text))
