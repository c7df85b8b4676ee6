"""Numbers, in a range or any, as options take them."""

from __future__ import annotations

import math
from typing import Any

import click

from fcsearch.text import without_commas


class AnyInteger(click.types.IntParamType):
    """An integer; what is not one is refused with what is needed."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The integer."""
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            self.fail(_refused("an integer", value, integer=True), param, ctx)


class AnyNumber(click.types.FloatParamType):
    """A number; what is not one is refused with what is needed."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        try:
            return float(super().convert(value, param, ctx))
        except click.BadParameter:
            self.fail(_refused("a number", value), param, ctx)


class Integer(click.IntRange):
    """An integer in a range, of at least a minimum; see `AnyInteger`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The integer."""
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            self.fail(_refused(f"an integer {_bounds(self)}", value, integer=True), param, ctx)


class Number(click.FloatRange):
    """A number in a range, of at least a minimum; see `AnyNumber`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        try:
            number = float(super().convert(value, param, ctx))
        except click.BadParameter:
            number = math.nan
        if not math.isfinite(number):
            self.fail(_refused(f"a number {_bounds(self)}", value), param, ctx)
        return number


def _bounds(kind: click.IntRange | click.FloatRange) -> str:
    if kind.max is not None:
        return f"from {kind.min} to {kind.max}"
    return f"above {kind.min}" if kind.min_open else f"of at least {kind.min}"


def _refused(needed: str, value: object, *, integer: bool = False) -> str:
    plain = without_commas(str(value), integer=integer)
    return f"must be {needed}; found {str(value)!r}{f'; {plain}' if plain else ''}"
