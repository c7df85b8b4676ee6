"""Encodings of a column's numbers as features: the parameters that are fitted and stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Vector = tuple[float, ...]
# Centre and width (values,) of the range of a column's numbers.
Extent = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


@dataclasses.dataclass(frozen=True)
class Affine:
    """Numbers are shifted, then scaled: (x - offset) * scale, or (x - offset) / scale.

    Both forms exist because they differ in the last bit, and later rows must get exactly the numbers of training.
    """

    offset: Vector
    scale: Vector
    divide: bool = False
    kind: Literal["affine"] = "affine"

    @property
    def widths(self) -> tuple[int, ...]:
        """How many features each number becomes."""
        return (1,) * len(self.offset)

    @property
    def extent(self) -> Extent:
        """Centre and width of the range of the training rows' numbers."""
        scale = np.array(self.scale)
        return np.array(self.offset), np.abs(scale if self.divide else 1 / np.where(scale == 0, 1, scale))

    def check(self) -> None:
        """Raise ValueError for parameters that no fit can have made."""
        _check_scaling(self.offset, self.scale)


@dataclasses.dataclass(frozen=True)
class SmoothClip:
    """Numbers are shifted and scaled, z = (x - offset) / scale, then bent into ±limit: z / sqrt(1 + (z / limit)²).

    With the median and the distance of the quartiles, the input of RealMLP (Holzmüller et al. 2024, arXiv 2407.04491).
    """

    offset: Vector
    scale: Vector
    limit: float = 3.0
    kind: Literal["smooth_clip"] = "smooth_clip"

    @property
    def widths(self) -> tuple[int, ...]:
        """How many features each number becomes."""
        return (1,) * len(self.offset)

    @property
    def extent(self) -> Extent:
        """Centre and width of the range of the training rows' numbers."""
        return np.array(self.offset), np.array(self.scale)

    def check(self) -> None:
        """Raise ValueError for parameters that no fit can have made."""
        _check_scaling(self.offset, self.scale)
        if not (min(self.scale, default=1) > 0 and self.limit > 0):
            raise ValueError("scales and limit must be above 0")


@dataclasses.dataclass(frozen=True)
class Curve:
    """Numbers go through an increasing piecewise linear function; a number outside the knots is moved to the nearest.

    Attributes:
        knots: For each number, where the pieces meet.
        values: The function's values there.
    """

    knots: tuple[Vector, ...]
    values: tuple[Vector, ...]
    kind: Literal["curve"] = "curve"

    @property
    def widths(self) -> tuple[int, ...]:
        """How many features each number becomes."""
        return (1,) * len(self.knots)

    @property
    def extent(self) -> Extent:
        """Centre and width of the range of the training rows' numbers."""
        return _extent(self.knots)

    def check(self) -> None:
        """Raise ValueError for parameters that no fit can have made."""
        _check_rising(self.knots, least=1)
        if [len(knots) for knots in self.knots] != [len(values) for values in self.values]:
            raise ValueError("each knot must have a value")
        if not all(np.isfinite(values).all() for values in self.values):
            raise ValueError("values must be finite")


@dataclasses.dataclass(frozen=True)
class Bins:
    """A number becomes one feature per bin: 0 below the bin, 1 above it, the fraction of the way inside it.

    The piecewise-linear encoding of Gorishniy et al. 2022 (arXiv 2203.05556); a number outside the edges is moved to
    the nearest one.

    Attributes:
        edges: For each number, where its bins begin and end.
    """

    edges: tuple[Vector, ...]
    kind: Literal["bins"] = "bins"

    @property
    def widths(self) -> tuple[int, ...]:
        """How many features each number becomes."""
        return tuple(len(edges) - 1 for edges in self.edges)

    @property
    def extent(self) -> Extent:
        """Centre and width of the range of the training rows' numbers."""
        return _extent(self.edges)

    def check(self) -> None:
        """Raise ValueError for parameters that no fit can have made."""
        _check_rising(self.edges, least=2)


Encoding = Affine | SmoothClip | Curve | Bins


def joined(parts: Sequence[Encoding]) -> Encoding:
    """The encoding of several numbers side by side, from those of one kind."""
    match parts[0]:
        case Affine(divide=divide):
            return Affine(_all(parts, "offset"), _all(parts, "scale"), divide)
        case SmoothClip(limit=limit):
            return SmoothClip(_all(parts, "offset"), _all(parts, "scale"), limit)
        case Curve():
            return Curve(_all(parts, "knots"), _all(parts, "values"))
        case Bins():
            return Bins(_all(parts, "edges"))


def _all(parts: Sequence[Encoding], name: str) -> tuple[Any, ...]:
    return tuple(value for part in parts for value in getattr(part, name))


def _extent(points: tuple[Vector, ...]) -> Extent:
    low, high = (np.array([vector[end] for vector in points]) for end in (0, -1))
    return (low + high) / 2, (high - low) / 2


def _check_scaling(offset: Vector, scale: Vector) -> None:
    if len(offset) != len(scale):
        raise ValueError(f"{len(offset)} offsets and {len(scale)} scales")
    if not np.isfinite([*offset, *scale]).all():
        raise ValueError("an offset or a scale that is not finite")


def _check_rising(points: tuple[Vector, ...], *, least: int) -> None:
    for vector in points:
        if len(vector) < least or not np.isfinite(vector).all() or not (np.diff(vector) > 0).all():
            raise ValueError(f"knots and edges must be {least} or more finite numbers, rising")
