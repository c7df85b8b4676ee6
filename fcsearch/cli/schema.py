"""`fcsearch schema`: the JSON Schema of a space file."""

from __future__ import annotations

import json

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema (draft 2020-12) of a search-space file.

    Editors complete and check a space file against it: save it, and begin the file with the line
    `# yaml-language-server: $schema=space.schema.json`.

    \b
    Example:
      fcsearch schema > space.schema.json
    """
    from fcsearch.space import space_schema

    click.echo(json.dumps(space_schema(), indent=2))
