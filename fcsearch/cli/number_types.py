"""Numbers in a range, as options take them."""

from __future__ import annotations

from typing import Any

import click

from fcsearch.text import without_commas


class Integer(click.IntRange):
    """An integer; what is not one, or out of the range, is refused with what is needed."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The integer."""
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            self.fail(f"must be an integer {_bounds(self)}; found {str(value)!r}", param, ctx)


class Number(click.FloatRange):
    """A number; what is not one, or out of the range, is refused with what is needed."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        try:
            return float(super().convert(value, param, ctx))
        except click.BadParameter:
            plain = without_commas(str(value))
            found = f"{str(value)!r}{f'; {plain}' if plain else ''}"
            self.fail(f"must be a number {_bounds(self)}; found {found}", param, ctx)


def _bounds(kind: click.IntRange | click.FloatRange) -> str:
    if kind.max is not None:
        return f"from {kind.min} to {kind.max}"
    return f"above {kind.min}" if kind.min_open else f"of at least {kind.min}"
