"""Facts about a split by a column, for users and for the manifest."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

SplitBy = Literal["group", "time"]

# What such a column is for, in words.
USES: dict[SplitBy, str] = {
    "group": "never in two splits",
    "time": "separates the splits",
}


@dataclasses.dataclass(frozen=True)
class SplitFacts:
    """A split of rows by a column; a split without rows is in neither mapping.

    Attributes:
        by: Whether the column names groups, which stay whole, or times, which stay in order.
        column: Its name.
        groups: By group: how many groups `train`, `val` and `test` have.
        times: By time: the first and the last time of `train`, `val` and `test`.
    """

    by: SplitBy
    column: str
    groups: dict[str, int] = dataclasses.field(default_factory=dict)
    times: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)

    def words(self) -> str:
        """The split in one line."""
        if self.by == "group":
            return (
                f"by groups of {self.column}: {', '.join(f'{count:,} {name}' for name, count in self.groups.items())}"
            )
        spans = (f"{name} {first} to {last}" for name, (first, last) in self.times.items())
        return f"in the order of {self.column}: {', '.join(spans)}"


def fold_words(sizes: Sequence[tuple[int, int]]) -> str:
    """The numbers of training and validation rows of folds, in one line."""
    train, val = (_span(counts) for counts in zip(*sizes, strict=True))
    return f"{len(sizes)} folds, each of {train} training and {val} validation rows"


def _span(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
