"""How sure a measured figure is."""

from __future__ import annotations

import math


def standard_error(accuracy: float, rows: int) -> float:
    """The standard error of an accuracy measured on that many rows: sqrt(p (1 - p) / n), as a fraction.

    At 0 and 1, where the formula would claim certainty, half a row is taken to be otherwise.
    """
    share = min(max(accuracy, 0.5 / rows), 1 - 0.5 / rows)
    return math.sqrt(share * (1 - share) / rows)
