"""Facts about each column of a table for users, and the error that names every column that cannot be used."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Literal

from fcsearch.errors import DataError

Use = Literal["label", "weights", "group", "time", "used", "dropped", "ignored", "refused"]


@dataclasses.dataclass(frozen=True)
class ColumnFacts:
    """A column of a table.

    Attributes:
        name: Its name; empty if it has none.
        kind: What it holds, in a word or two.
        use: How it is used.
        why: Why it is not a feature.
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
        return self.name or "(unnamed)"


class ColumnsError(DataError):
    """Columns that cannot be used.

    Attributes:
        columns: Every column of the table.
    """

    def __init__(self, source: str, problems: Mapping[str, str], columns: Sequence[ColumnFacts]) -> None:
        whys = {name: text.removeprefix(f"column {name!r} of {source} ") for name, text in problems.items()}
        self.columns = tuple(
            dataclasses.replace(facts, use="refused", why=whys[facts.name]) if facts.name in whys else facts
            for facts in columns
        )
        features = [facts.name for facts in columns if facts.use == "used" and facts.name in problems]
        super().__init__(next(iter(problems.values())) if len(problems) == 1 else _together(source, problems, features))


def _together(source: str, problems: Mapping[str, str], features: Sequence[str]) -> str:
    lines = "\n".join(f"  - {problem}" for problem in problems.values())
    way_out = ""
    if features:
        names = json.dumps(features, ensure_ascii=False)
        option = shlex.quote(f"dataset.drop={names}")
        way_out = f"\nTo leave the features out: drop: {names} in a space file, or --set {option}"
    return f"{len(problems)} columns of {source} cannot be used:\n{lines}{way_out}"
