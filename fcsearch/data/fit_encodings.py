"""Fits the encoding of one column's numbers: by ranks, by quartiles, or by bins."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from fcsearch.data.encodings import Bins, Curve, Encoding, SmoothClip

Values = npt.NDArray[np.float64]
# From the training values (n,) of one number, without missing ones, to its encoding.
Fit = Callable[[Values], Encoding]

# Knots of a curve: enough for an accurate curve, and few enough for a small file with a thousand columns.
KNOTS = 128


def fit_numbers(preprocessing: str, bins: int | None) -> Fit | None:
    """The function that fits a number's encoding (`bins`: for `piecewise`); None if numbers are shifted and scaled."""
    if preprocessing == "piecewise":
        if bins is None:
            raise ValueError("piecewise needs a number of bins")
        return partial(fit_bins, bins=bins)
    fits: dict[str, Fit] = {"quantile": fit_curve, "robust": fit_smooth_clip}
    return fits.get(preprocessing)


def fit_curve(values: Values) -> Curve:
    """A curve that makes the values normal: each becomes the normal distribution's quantile at its rank.

    Equal values get the mean of their ranks, without noise. If there are many different values, KNOTS of them are kept,
    evenly spaced in the result.
    """
    distinct, counts = np.unique(values, return_counts=True)
    shares = (np.cumsum(counts) - counts / 2) / len(values)
    normal = NormalDist()
    if len(distinct) == 1:
        return Curve((_floats(distinct),), ((0.0,),))
    if len(distinct) > KNOTS:
        first, last = normal.inv_cdf(shares[0]), normal.inv_cdf(shares[-1])
        levels = [normal.cdf(value) for value in np.linspace(first, last, KNOTS)]
        kept = np.unique([0, *np.searchsorted(shares, levels[1:-1]), len(distinct) - 1])
        distinct, shares = distinct[kept], shares[kept]
    return Curve((_floats(distinct),), (tuple(normal.inv_cdf(share) for share in shares),))


def fit_smooth_clip(values: Values) -> SmoothClip:
    """The median becomes 0 and the distance of the quartiles 1; half the range if the quartiles are equal."""
    low, first, median, third, high = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
    scale = third - first or (high - low) / 2 or 1.0
    return SmoothClip((float(median),), (float(scale),))


def fit_bins(values: Values, bins: int) -> Bins:
    """Bins that hold equally many values, as far as these differ.

    If there are few different values, each is an edge. Otherwise a value that more than a bin's share of the rows have
    is an edge, and the other edges are quantiles of the rest: such a value would else take up several edges.
    """
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) == 1:
        # All training values are at the lower edge: 0.
        edges = np.array([distinct[0], distinct[0] + max(1.0, abs(distinct[0]))])
    elif len(distinct) <= bins + 1:
        edges = distinct
    else:
        often = counts * bins > len(values)
        others = np.repeat(distinct[~often], counts[~often])
        quantiles = np.quantile(others, np.linspace(0, 1, bins + 1 - int(often.sum())))
        edges = np.unique([*distinct[often], *quantiles])
    return Bins((_floats(edges),))


def _floats(values: Values) -> tuple[float, ...]:
    return tuple(map(float, values))
