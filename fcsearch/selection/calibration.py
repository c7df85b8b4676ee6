"""Temperature scaling (Guo et al. 2017, arXiv 1706.04599): one number that calibrates a model's probabilities."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from fcsearch.errors import RunError
from fcsearch.nn import FullyConnectedNet
from fcsearch.results import RunDirectory
from fcsearch.selection.members import Member
from fcsearch.training.judging import scores_of

# The key under which models and ensembles store it.
KEY = "calibration"
# The temperature lies between 1 / _MOST and _MOST.
_MOST = 20.0
_HALVINGS = 40


@dataclasses.dataclass(frozen=True)
class Calibration:
    """The temperature by which a model's scores are divided before the softmax; predicted classes do not change.

    Attributes:
        temperature: Above 1: the model was overconfident on its validation rows. 1: no other value was better.
        rows: Number of validation rows that it was fitted on.
        log_loss_before: Log loss of these rows at a temperature of 1.
        log_loss_after: Log loss at the fitted temperature.
    """

    temperature: float
    rows: int
    log_loss_before: float
    log_loss_after: float


def fit_temperature(log_probabilities: Tensor, y: Tensor) -> Calibration:
    """Fit the temperature of the least log loss.

    As in Platt (1999), a share of 1 / (V + 2) of each row is spread over all classes. Otherwise, if no row is wrong,
    the best temperature would be 0, and every mistake on later rows would be made with full confidence.

    Args:
        log_probabilities: (V, C) float64 scores, or the logarithms of probabilities.
        y: (V,) classes.
    """
    rows, classes = log_probabilities.shape
    share = 1 / (rows + 2)
    scores = log_probabilities - log_probabilities.max(1, keepdim=True).values
    # Keeps every probability above 0: a larger gap underflows in float64, and sums become not a number.
    scores = scores.clamp(min=-700.0)
    wanted = torch.full_like(scores, share / classes).scatter_add_(
        1, y.unsqueeze(1), torch.full_like(scores[:, :1], 1 - share)
    )
    target = (wanted * scores).sum(1).mean()
    # The loss is convex in 1 / temperature: its slope rises, from below 0 to above.
    low, high = -math.log(_MOST), math.log(_MOST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        slope = (torch.softmax(scores * math.exp(middle), 1) * scores).sum(1).mean() - target
        low, high = (middle, high) if slope < 0 else (low, middle)
    before, temperature = _log_loss(scores, y), math.exp(-(low + high) / 2)
    after = _log_loss(scores / temperature, y)
    return Calibration(temperature, rows, before, after) if after < before else Calibration(1.0, rows, before, before)


def log_probabilities_of(net: FullyConnectedNet, X: Tensor) -> Tensor:
    """(N, C) float64 logarithms of a classifier's probabilities; X as `scores_of` takes it."""
    return torch.log_softmax(scores_of(net, X).double(), 1)


def mixed(parts: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The logarithm of the weighted mean of probabilities, from their logarithms (N, C)."""
    logs = torch.tensor(weights, dtype=torch.float64).log()
    return torch.logsumexp(torch.stack(list(parts)) + logs[:, None, None], 0)


def read_calibration(facts: Mapping[str, Any], *, where: str) -> Calibration | None:
    """The calibration in a model's or an ensemble's facts; None if there is none. RunError (`where`) if damaged."""
    stored = facts.get(KEY)
    if stored is None:
        return None
    try:
        found = Calibration(**{field.name: stored[field.name] for field in dataclasses.fields(Calibration)})
        if not 0 < found.temperature < math.inf:
            raise ValueError(found.temperature)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{where} must hold a temperature above 0; found: {error!r}; restore a copy of the file, or train it again"
        ) from error
    return found


def temperature_in(facts: Mapping[str, Any], *, where: str) -> float:
    """The temperature in the facts of a model or an ensemble; 1 if it has none. Errors as `read_calibration`."""
    found = read_calibration(facts, where=where)
    return 1.0 if found is None else found.temperature


def calibration_of(run: RunDirectory, members: Sequence[Member]) -> Calibration | None:
    """The calibration of a model of the run; None if it has none. Errors as `read_calibration`."""
    if len(members) > 1:
        return read_calibration(run.models.ensemble_facts(), where=str(run.models.ensemble_path))
    path = members[0].path
    return read_calibration(run.models.metadata(members[0].trial_id or 0, path=path), where=str(path))


def _log_loss(scores: Tensor, y: Tensor) -> float:
    return float(torch.nn.functional.cross_entropy(scores, y))
