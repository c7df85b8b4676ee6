"""95% intervals: of the best of trials, of means over seeds, and of either with a second chance."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from fcsearch.config.objective import Objective

RESAMPLES = 10_000
_INTERVAL = (2.5, 97.5)
_NORMAL = 1.96

Gains = npt.NDArray[np.float64]
# Of an interval; None where there are too few values.
Ends = tuple[float | None, float | None]


def best_of_resamples(found: Gains, seed: int) -> Gains:
    """The best gain of each resample: as many trials as there are, drawn with replacement.

    The place of the largest of N draws from N sorted values is N times the largest of N uniform numbers, which is the
    N-th root of one.
    """
    if not len(found):
        return np.full(RESAMPLES, -math.inf)
    known = found[np.isfinite(found)]
    # A resample without any result counts as the worst that there was.
    ordered = np.sort(np.where(np.isfinite(found), found, known.min() if len(known) else -math.inf))
    uniform = np.random.default_rng(seed).random(RESAMPLES) ** (1 / len(found))
    drawn: Gains = ordered[np.minimum((uniform * len(found)).astype(np.int64), len(found) - 1)]
    return drawn


def ends_of(drawn: Gains) -> tuple[float, float]:
    """The interval of resamples."""
    low, high = np.percentile(drawn, _INTERVAL, method="nearest")
    return float(low), float(high)


def student(values: Gains) -> Ends:
    """The interval of the mean of values, by Student's t."""
    freedom = len(values) - 1
    if freedom < 1:
        return None, None
    mean = float(values.mean())
    half = float(stdtrit(freedom, 0.975)) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return mean - half, mean + half


def welch(a: Gains, b: Gains) -> Ends:
    """The interval of the difference between two means, whose values may spread differently (Welch 1947)."""
    if min(len(a), len(b)) < 2:
        return None, None
    difference = float(a.mean() - b.mean())
    errors = np.array([a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)])
    total = float(errors.sum())
    freedom = total**2 / float((errors**2 / (np.array([len(a), len(b)]) - 1)).sum()) if total else 1.0
    half = float(stdtrit(freedom, 0.975)) * math.sqrt(total)
    return difference - half, difference + half


def widened(value: float, ends: Ends, error: float) -> Ends:
    """An interval, wider by a second chance that is independent of the first, and has this standard error."""
    low, high = ends
    if low is None or high is None:
        return ends
    half = _NORMAL * error
    return value - math.hypot(value - low, half), value + math.hypot(high - value, half)


def within_range(ends: Ends, objective: Objective) -> Ends:
    """The interval of a figure, which ends where the figure does: at 1 if more is better, and all but R2 at 0."""
    low, high = ends
    if low is None or high is None:
        return ends
    return low if objective.name == "r2" else max(low, 0.0), min(high, 1.0) if objective.maximize else high
