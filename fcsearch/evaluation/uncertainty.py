"""Standard errors of measured figures."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
from torch import Tensor

from fcsearch.training.objectives import FIGURES, Truth

_RESAMPLES = 100


def bootstrap_error(objective: str, scores: Tensor, truth: Truth) -> float:
    """The standard error of any figure: its deviation over 100 resamples of the rows (Efron 1979), drawn by seed 0.

    Args:
        objective: A key of FIGURES.
        scores: (1, C, V).
        truth: Of the V rows.
    """
    return _deviation(_resampled(objective, scores, truth)[:, 0])


def paired_bootstrap_error(objective: str, first: Tensor, second: Tensor, truth: Truth) -> float:
    """The same for the difference of two models' figures, on the same resamples; scores (1, C, V) each."""
    found = _resampled(objective, torch.cat([first, second]), truth)
    return _deviation(found[:, 0] - found[:, 1])


def paired_share_error(first: Tensor, second: Tensor) -> float:
    """The standard error of the difference of two shares of the same rows; (V,) each, true where a row counts.

    If they never differ, where the formula would give 0, half a row is counted as different.
    """
    differences, rows = first.double() - second.double(), len(first)
    spread = max(float(differences.std(correction=0)), math.sqrt(0.5 / rows))
    return spread / math.sqrt(rows)


def _resampled(objective: str, scores: Tensor, truth: Truth) -> Tensor:
    """The figures of M models, scores (M, C, V), on each resample of the rows: (resamples, M)."""
    rng, rows = np.random.default_rng(0), len(truth.y)
    found = []
    for _ in range(_RESAMPLES):
        drawn = torch.from_numpy(rng.integers(rows, size=rows))
        resampled = dataclasses.replace(truth, y=truth.y[drawn])
        found.append(FIGURES[objective](scores[:, :, drawn], resampled))
    return torch.stack(found)


def _deviation(found: Tensor) -> float:
    # A resample may lack a class, or have only equal targets: it has no figure.
    known = found[found.isfinite()]
    return float(known.std()) if len(known) > 1 else 0.0
