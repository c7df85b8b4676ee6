"""`fcsearch note`: a user's note on a run."""

from __future__ import annotations

from pathlib import Path

import click

from fcsearch.cli.shared_options import runs_folder


@click.command()
@click.argument("run")
@click.argument("text", required=False)
@runs_folder
def note(run: str, text: str | None, root: Path | str) -> None:
    """Set the note of a run, which `fcsearch runs` and the report show. The run may be in progress.

    RUN is a run directory, or the name of a run in the runs' folder. TEXT replaces the run's note; an empty TEXT
    removes it. Without TEXT the note is printed.

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
