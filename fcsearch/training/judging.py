"""Measures predictions by the objective of a run."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fcsearch.config import TrialConfig
from fcsearch.config.objective import Objective
from fcsearch.nn import FullyConnectedNet
from fcsearch.nn.params import rows_at_a_time
from fcsearch.nn.settings import NETWORK_SETTINGS, NetworkSettings
from fcsearch.training.objectives import FIGURES, Truth

_LEAST = 1e-7


def network(config: TrialConfig, weights: Mapping[str, Tensor]) -> FullyConnectedNet:
    """The network of a trial around its weights."""
    settings = NetworkSettings(**{name: getattr(config, name) for name in NETWORK_SETTINGS})
    return FullyConnectedNet.from_params(dict(weights), settings)


def scores_of(net: FullyConnectedNet, X: Tensor) -> Tensor:
    """A network's scores (N, C) for features X (N, D)."""
    return torch.cat([net.loss(rows) for rows in torch.split(X, rows_at_a_time(net.params))])


def outputs(net: FullyConnectedNet, X: Tensor) -> Tensor:
    """A network's predictions: probabilities (N, C), or the standardised target (N, 1) of a regression.

    A network with the svm loss has no probabilities of its own: the softmax of its scores is used.

    Args:
        net: The network.
        X: (N, D) features.
    """
    scores = scores_of(net, X)
    return torch.softmax(scores, 1) if scores.shape[1] > 1 else scores


class Judge:
    """Measures predictions for the same rows.

    Args:
        objective: The objective.
        y: (V,) labels, or standardised targets.
        num_classes: C; 0 for a regression.
        positive: Of two classes the one that `average_precision` finds.
        scale: What a standardised target of 1 is in the unit of the target.
        folds: How many of the rows, one after the other, validate in each fold: a figure is the mean over them; empty:
            it is that of all rows.
    """

    def __init__(
        self,
        objective: Objective,
        y: npt.NDArray[np.generic],
        *,
        num_classes: int,
        positive: int = 1,
        scale: float = 1.0,
        folds: Sequence[int] = (),
    ) -> None:
        self.objective = objective
        labels = torch.as_tensor(np.asarray(y))
        labels = labels if num_classes else labels.double()
        ends = [0, *itertools.accumulate(folds or [len(labels)])]
        self._parts = [slice(*pair) for pair in itertools.pairwise(ends)]
        self._truths = [Truth(labels[part], num_classes, positive, scale) for part in self._parts]

    def value(self, predicted: Tensor) -> Tensor:
        """The objective of M predictions (M, C, V), in its own unit: (M,)."""
        return self._figure(self.objective.name, self._scores(predicted))

    def gain(self, predicted: Tensor) -> list[tuple[float, float]]:
        """Keys to compare M predictions (M, C, V) by, more is better: the objective, then the loss to break ties."""
        scores = self._scores(predicted)
        values = [self.objective.gain(value) for value in self._figure(self.objective.name, scores).tolist()]
        losses = self._figure("log_loss" if self._truths[0].num_classes else "rmse", scores).tolist()
        return [(value, -loss) for value, loss in zip(values, losses, strict=True)]

    def _figure(self, name: str, scores: Tensor) -> Tensor:
        parts = zip(self._parts, self._truths, strict=True)
        return torch.stack([FIGURES[name](scores[:, :, part], truth) for part, truth in parts]).mean(0)

    def _scores(self, predicted: Tensor) -> Tensor:
        # Log-probabilities are scores: their softmax is the probabilities again. In double precision: sums of ranks
        # over many rows do not fit a float32.
        exact = predicted.double()
        return exact.clamp(min=_LEAST).log() if self._truths[0].num_classes else exact
