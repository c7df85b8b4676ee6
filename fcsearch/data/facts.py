"""Facts about each column of a table for users, and the error that names every column that cannot be used."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from fcsearch.errors import DataError
from fcsearch.text import column_quoted, column_title
from fcsearch.wording import wording

Use = Literal["label", "weights", "group", "time", "used", "dropped", "ignored", "refused"]


# How a value of a column becomes a number: as it is, as true or false, or as a part of a date.
Reading = Literal["number", "boolean", "year", "month", "day_of_week", "day_of_year", "hour"]
# Monday is 0. The hour is with fractions, and only where a training row has a time of day.
DATE_PARTS: tuple[Reading, ...] = ("year", "month", "day_of_week", "day_of_year", "hour")


@dataclasses.dataclass(frozen=True)
class ColumnFacts:
    """A column of a table.

    Attributes:
        name: Its name; empty if it has none.
        kind: What it holds, in a word or two.
        use: How it is used.
        why: Why it is not a feature, or a remark on one that is.
        gaps: Rows without a value.
        categories: Categories or classes, sorted.
    """

    name: str
    kind: str
    use: Use
    why: str = ""
    gaps: int = 0
    categories: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The name to print."""
        return column_title(self.name)

    def with_remark(self, remark: str) -> ColumnFacts:
        """These facts with another remark, after the one that there may be."""
        return dataclasses.replace(self, why=f"{self.why.removesuffix('.')}; {remark}" if self.why else remark)


def dropped(columns: Sequence[ColumnFacts]) -> list[str]:
    """The columns that the option `drop` leaves out: a list that takes its place must name them too."""
    return [column.name for column in columns if column.use == "dropped"]


class ColumnsError(DataError):
    """Columns that cannot be used.

    Attributes:
        columns: Every column of the table.
        found: What is wrong with which column, without the way out.
        features: The names of those that could be left out; those that the message says how to read are not.
    """

    def __init__(
        self, source: str, problems: Mapping[str, str], columns: Sequence[ColumnFacts], curable: Collection[str] = ()
    ) -> None:
        whys = {
            name: text.removeprefix(f"column {column_quoted(name)} of {source} ") for name, text in problems.items()
        }
        self.columns = tuple(
            dataclasses.replace(facts, use="refused", why=whys[facts.name]) if facts.name in whys else facts
            for facts in columns
        )
        self.found = next(iter(problems.values())) if len(problems) == 1 else _together(source, problems)
        self.features = tuple(
            facts.name
            for facts in columns
            if facts.use == "used" and facts.name in problems and facts.name not in curable
        )
        super().__init__(self.leaving_out(wording().leaving_out([*dropped(columns), *self.features])))

    def leaving_out(self, way: str) -> str:
        """The message with the way to leave the features out."""
        them = "it" if len(self.features) == 1 else "the features"
        return f"{self.found}\nTo leave {them} out: {way}" if self.features else self.found


def _together(source: str, problems: Mapping[str, str]) -> str:
    lines = "\n".join(f"  - {problem}" for problem in problems.values())
    return f"{len(problems)} columns of {source} cannot be used:\n{lines}"
