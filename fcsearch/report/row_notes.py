"""What to know of new rows that a model reads: unknown categories, unused columns, rows that it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fcsearch.report.words import plural
from fcsearch.text import column_quoted, column_title

if TYPE_CHECKING:
    from fcsearch.data.matching import Unseen
    from fcsearch.results.manifest import Manifest


def row_notes(unseen: Unseen, ignored: Sequence[str]) -> list[str]:
    """Which categories are unknown, and which columns are not read; empty if there are none."""
    notes = []
    for name, counts in unseen.items():
        examples = ", ".join(repr(value) for value, _ in counts.most_common(3))
        notes.append(
            f"column {column_quoted(name)} has {plural(counts.total(), 'value')} that the training rows do not have "
            f"({examples}{', ...' if len(counts) > 3 else ''}): encoded as none of the known categories"
        )
    if ignored:
        notes.append(f"ignored columns that the network does not read: {', '.join(map(column_title, ignored))}")
    return notes


def own_rows_note(own: int, rows: int, manifest: Manifest, instead: str) -> str:
    """That so many of some rows are those of the run of a manifest.

    `instead` names a call that measures rows that it did not see: its test rows, if it has any.
    """
    which = f"all {rows:,} rows" if own == rows else f"{own:,} of the {rows:,} rows"
    tested = manifest.dataset is not None and manifest.dataset.rows.test
    advice = f"; {instead} measures those that played no part in it" if tested else ""
    return f"{which} equal rows that trained or chose the network: the figures are too good for other rows{advice}"
