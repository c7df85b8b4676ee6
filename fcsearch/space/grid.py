"""Every combination of a space's values."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fcsearch.errors import SpaceError
from fcsearch.space.parameters import Parameter

MAX_GRID = 100_000


def enumerate_grid(parameters: Mapping[str, Parameter]) -> list[dict[str, Any]]:
    """Every combination, each once; a parameter that does not apply is left out, not varied.

    The first parameter varies slowest. A list is returned of at most MAX_GRID combinations.

    Raises:
        SpaceError: a continuous range, or more than MAX_GRID combinations.
    """
    for parameter in parameters.values():
        if parameter.finite_values() is None:
            raise SpaceError(
                f"a grid needs listed values; parameters.{parameter.name} is the continuous range "
                f"{parameter.describe()}. Give it choices or a step, or take another sampler than grid"
            )
    combinations = list(itertools.islice(_walk(list(parameters.values()), {}), MAX_GRID + 1))
    if len(combinations) > MAX_GRID:
        raise SpaceError(
            f"a grid holds at most {MAX_GRID} combinations; this one has more. "
            "Take values out, or another sampler than grid"
        )
    return combinations


def _walk(left: Sequence[Parameter], values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every way to give the parameters of `left` a value, beside `values`."""
    if not left:
        yield dict(values)
        return
    first, *rest = left
    if not first.applies(values):
        yield from _walk(rest, values)
        return
    for value in first.finite_values() or ():
        yield from _walk(rest, {**values, first.name: value})
