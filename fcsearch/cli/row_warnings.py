"""Warnings about new rows: unknown categories and unused columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fcsearch.data.matching import Unseen


def print_warnings(unseen: Unseen, ignored: Sequence[str]) -> None:
    """Say on standard error which categories are unknown, and which columns are not read."""
    from fcsearch.report.row_notes import row_notes

    for note in row_notes(unseen, ignored):
        click.echo(f"fcsearch: {note}", err=True)
