"""Warnings about new rows: unknown categories and unused columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fcsearch.data.matching import Unseen


def print_warnings(unseen: Unseen, ignored: Sequence[str]) -> None:
    """Say on standard error which categories are unknown, and which columns are not read."""
    from fcsearch.report.words import plural

    for name, counts in unseen.items():
        examples = ", ".join(repr(value) for value, _ in counts.most_common(3))
        _say(
            f"column {name!r} has {plural(counts.total(), 'value')} that the training rows do not have ({examples}"
            f"{', ...' if len(counts) > 3 else ''}): encoded as none of the known categories"
        )
    if ignored:
        _say(f"ignored columns that the network does not read: {', '.join(name or '(unnamed)' for name in ignored)}")


def _say(note: str) -> None:
    click.echo(f"fcsearch: {note}", err=True)
