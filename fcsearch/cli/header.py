"""A look at the first line of a CSV file, before anything is imported or started."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path

_ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_LONGEST = 1 << 20


def header_may_do(names: Iterable[str], label: str | None) -> bool:
    """Whether no CSV file among some names is empty, or lacks the name of the label in its first line.

    Whatever is no CSV file, or cannot be read, may do: the command reads it later, and says what is wrong.
    """
    for path in map(Path, names):
        if not path.name.lower().endswith(_ENDINGS):
            continue
        try:
            with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
                first = file.readline(_LONGEST)
        except (OSError, EOFError):
            continue
        if not first or (label is not None and label.encode() not in first.replace(b'""', b'"')):
            return False
    return True
