"""A transform's numbers as arrays, and the arithmetic that makes features of raw rows with them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.data.encodings import Affine, Bins, Curve, Encoding, SmoothClip, joined

Floats = npt.NDArray[np.floating[Any]]
Doubles = npt.NDArray[np.float64]

# A scaled number this large reaches the limit itself in float32; its square must not overflow.
SMOOTH_BOUND = 1e6


@dataclasses.dataclass(frozen=True)
class Scaling:
    """A number x becomes (x - offset) / divisor * factor, and is then bent into ±limit.

    Attributes:
        offset, divisor, factor: (numbers,) in the dtype of the transform; a divisor of None is 1.
        limit: That of `SmoothClip`; None: numbers are not bent.
    """

    offset: Floats
    divisor: Floats | None
    factor: Floats
    limit: float | None = None

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.offset)

    def encode(self, numbers: npt.NDArray[Any], out: npt.NDArray[np.float32]) -> None:
        """Write the features of numbers (n, numbers) into `out` (n, width)."""
        if numbers.dtype.kind == "f":
            numbers = numbers.astype(self.offset.dtype, copy=False)
        numbers = numbers - self.offset
        if self.divisor is not None:
            numbers = numbers / self.divisor
        if self.limit is None:
            np.multiply(numbers, self.factor, out=out, casting="same_kind")
            return
        scaled = np.clip(numbers * self.factor, -SMOOTH_BOUND, SMOOTH_BOUND)
        np.divide(scaled, np.sqrt(1 + (scaled / self.limit) ** 2), out=out, casting="same_kind")


@dataclasses.dataclass(frozen=True)
class Ramps:
    """A feature rises from 0 to 1 between two edges of its number: (min(max(x, low), high) - low) / (high - low).

    Attributes:
        source: (width,) Which number each feature is made from.
        low, high: (width,) float64.
    """

    source: npt.NDArray[np.int64]
    low: Doubles
    high: Doubles

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.source)

    def encode(self, numbers: npt.NDArray[Any], out: npt.NDArray[np.float32]) -> None:
        """Write the features of numbers (n, numbers) into `out` (n, width)."""
        values = numbers.astype(np.float64, copy=False)[:, self.source]
        np.clip(values, self.low, self.high, out=values)
        values -= self.low
        np.divide(values, self.high - self.low, out=out, casting="same_kind")


@dataclasses.dataclass(frozen=True)
class Curves:
    """A number goes through a piecewise linear function.

    Attributes:
        knots, values: For each number, as in `Curve`; float64.
    """

    knots: tuple[Doubles, ...]
    values: tuple[Doubles, ...]

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.knots)

    @cached_property
    def base(self) -> Doubles:
        """(width,) The value of each number's first knot."""
        return np.array([values[0] for values in self.values])

    @cached_property
    def pieces(self) -> tuple[Doubles, Doubles, Doubles]:
        """Low, high and rise (width, K) of each number's pieces: the curve is `base` and its ramps times their rises.

        A number with fewer than K pieces is padded with pieces of rise 0.
        """
        count = max(1, *(len(knots) - 1 for knots in self.knots))
        low, high, rise = np.zeros((self.width, count)), np.ones((self.width, count)), np.zeros((self.width, count))
        for place, (knots, values) in enumerate(zip(self.knots, self.values, strict=True)):
            here = (place, slice(len(knots) - 1))
            low[here], high[here], rise[here] = knots[:-1], knots[1:], np.diff(values)
        return low, high, rise

    def encode(self, numbers: npt.NDArray[Any], out: npt.NDArray[np.float32]) -> None:
        """Write the features of numbers (n, numbers) into `out` (n, width)."""
        for place, (knots, values) in enumerate(zip(self.knots, self.values, strict=True)):
            out[:, place] = np.interp(numbers[:, place], knots, values)


Encoder = Scaling | Ramps | Curves


def encoder_of(encodings: Sequence[Encoding], dtype: str) -> Encoder:
    """The encoder of several numbers, whose encodings are of one kind; a scaling computes in `dtype`."""
    match joined(encodings):
        case Affine(offset=offset):
            # Some numbers multiply, others divide.
            factor = [1.0 if part.divide else scale for part in _affine(encodings) for scale in part.scale]
            divisor = np.array([s if part.divide else 1.0 for part in _affine(encodings) for s in part.scale], dtype)
            return Scaling(np.array(offset, dtype), divisor if (divisor != 1).any() else None, np.array(factor, dtype))
        case SmoothClip(offset=offset, scale=scale, limit=limit):
            return Scaling(np.array(offset, dtype), np.array(scale, dtype), np.ones(len(scale), dtype), limit)
        case Curve(knots=knots, values=values):
            return Curves(tuple(map(np.array, knots)), tuple(map(np.array, values)))
        case Bins(edges=edges) as bins:
            low, high = (
                np.array([edge for row in edges for edge in row[part]]) for part in (slice(-1), slice(1, None))
            )
            return Ramps(np.repeat(np.arange(len(edges)), bins.widths), low, high)


def _affine(encodings: Sequence[Encoding]) -> list[Affine]:
    return [encoding for encoding in encodings if isinstance(encoding, Affine)]


@dataclasses.dataclass(frozen=True)
class Layout:
    """Which columns of a raw matrix (N, R) are numbers and categories, and how they become features.

    Attributes:
        places: (numbers,) Columns of the numbers in the raw matrix.
        fill: (numbers,) The value that replaces NaN, or NaN; None: nothing is replaced.
        encoder: Makes the features of the numbers; None if there are no numbers.
        categories: For each category input: its column in the raw matrix, its categories, the index of its fill.
    """

    places: npt.NDArray[np.int64]
    fill: Floats | None
    encoder: Encoder | None
    categories: Sequence[tuple[int, tuple[str, ...], int]]

    @property
    def numbers(self) -> int:
        """Number of features that are made of numbers; they come first."""
        return 0 if self.encoder is None else self.encoder.width

    @property
    def width(self) -> int:
        """Number of features."""
        return self.numbers + sum(len(categories) for _, categories, _ in self.categories)

    def encode(self, raw: npt.NDArray[Any], out: npt.NDArray[np.float32]) -> None:
        """Write the features of raw rows (n, R) into `out` (n, D)."""
        left = self.numbers
        if self.encoder is not None:
            self.encoder.encode(self._numbers(raw), out[:, :left])
        out[:, left:] = 0
        for place, categories, fill in self.categories:
            codes = raw[:, place]
            codes = np.where(np.isnan(codes), fill, codes).astype(np.int64)
            known = np.flatnonzero(codes >= 0)
            out[known, left + codes[known]] = 1
            left += len(categories)

    def _numbers(self, raw: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """(n, numbers) The numbers of raw rows, gaps filled."""
        numbers = raw[:, self.places] if self.categories else raw
        if self.fill is None or not np.isnan(numbers).any():
            return numbers
        return np.where(np.isnan(numbers), self.fill, numbers.astype(self.fill.dtype, copy=False))


def fills(values: Sequence[float], dtype: str) -> Floats | None:
    """`Layout.fill` of these values."""
    return None if all(map(math.isnan, values)) else np.array(values, dtype)
