"""The standard error of an accuracy."""

from __future__ import annotations

import math


def standard_error(accuracy: float, rows: int) -> float:
    """The standard error of an accuracy measured on that many rows: sqrt(p (1 - p) / n), as a fraction.

    At 0 and 1, where the formula would give 0, half a row is counted as the opposite.
    """
    share = min(max(accuracy, 0.5 / rows), 1 - 0.5 / rows)
    return math.sqrt(share * (1 - share) / rows)
