"""How sure a measured figure is."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
from torch import Tensor

from fcsearch.training.objectives import FIGURES, Truth

_RESAMPLES = 100


def standard_error(accuracy: float, rows: int) -> float:
    """The standard error of an accuracy measured on that many rows: sqrt(p (1 - p) / n), as a fraction.

    At 0 and 1, where the formula would claim certainty, half a row is taken to be otherwise.
    """
    share = min(max(accuracy, 0.5 / rows), 1 - 0.5 / rows)
    return math.sqrt(share * (1 - share) / rows)


def bootstrap_error(objective: str, scores: Tensor, truth: Truth) -> float:
    """The standard error of any figure: its deviation over 100 resamples of the rows (Efron 1979), drawn by seed 0.

    Args:
        objective: A key of FIGURES.
        scores: (1, C, V).
        truth: Of the V rows.
    """
    rng, rows = np.random.default_rng(0), len(truth.y)
    found = []
    for _ in range(_RESAMPLES):
        drawn = torch.from_numpy(rng.integers(rows, size=rows))
        resampled = dataclasses.replace(truth, y=truth.y[drawn])
        found.append(float(FIGURES[objective](scores[:, :, drawn], resampled)))
    # A resample may lack a class, or have equal targets alone: it has no figure.
    known = [value for value in found if math.isfinite(value)]
    return float(np.std(known, ddof=1)) if len(known) > 1 else 0.0
