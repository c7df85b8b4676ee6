"""Numbers, in a range or any, as options take them."""

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
            self.fail(f"must be an integer{_bounds(self)}; {_found(value, integer=True)}", param, ctx)


class Number(click.FloatRange):
    """A number; what is not one, or out of the range, is refused with what is needed."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        try:
            return float(super().convert(value, param, ctx))
        except click.BadParameter:
            self.fail(f"must be a number{_bounds(self)}; {_found(value, integer=False)}", param, ctx)


def _bounds(kind: click.IntRange | click.FloatRange) -> str:
    if kind.max is not None:
        return f" from {kind.min} to {kind.max}"
    if kind.min is None:
        return ""
    return f" above {kind.min}" if kind.min_open else f" of at least {kind.min}"


def _found(value: object, *, integer: bool) -> str:
    plain = without_commas(str(value), integer=integer)
    return f"found {str(value)!r}{f'; {plain}' if plain else ''}"
