"""Members that stand side by side and have something in common."""

from __future__ import annotations

import itertools
from collections.abc import Sequence


def spans(values: Sequence[str]) -> list[tuple[str, slice]]:
    """Each run of equal values, and the positions that it spans."""
    found = []
    first = 0
    for value, members in itertools.groupby(values):
        count = len(list(members))
        found.append((value, slice(first, first + count)))
        first += count
    return found
