"""`fcsearch spaces`: the search spaces that ship."""

from __future__ import annotations

import re
from pathlib import Path

import click


@click.command()
def spaces() -> None:
    """List the search spaces that ship: the name of each for `fcsearch run`, and what it searches.

    To change one, let `fcsearch init --space NAME` write a copy.

    \b
    Example:
      fcsearch spaces
      fcsearch run dropout
    """
    from fcsearch.space import shipped_spaces

    formatter = click.get_current_context().make_formatter()
    formatter.write_dl([(name, _purpose(path)) for name, path in shipped_spaces().items()])
    click.echo(formatter.getvalue(), nl=False)


def _purpose(path: Path) -> str:
    """The first sentence of the comment that a space begins with."""
    from fcsearch.space.template import opening_comment

    comment = opening_comment(path.read_text(encoding="utf-8"))
    return re.split(r"(?<=[.?!])\s", comment, maxsplit=1)[0]
