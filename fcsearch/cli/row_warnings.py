"""Warnings about new rows: unknown categories and unused columns."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fcsearch.data.matching import Unseen


def print_warnings(unseen: Unseen, ignored: Sequence[str]) -> None:
    """Say on standard error which categories are unknown, and which columns are not read."""
    from fcsearch.cli.console import print_sentence
    from fcsearch.report.row_notes import row_notes

    for note in row_notes(unseen, ignored):
        print_sentence(f"fcsearch: {note}", sys.stderr)
