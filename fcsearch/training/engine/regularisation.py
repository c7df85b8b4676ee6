"""Regularisation of the weights of a lane's members: L2, which is part of the loss, and decoupled weight decay."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from fcsearch.training.engine.buffers import Buffers


class L2Penalty:
    """L2: adds 2 * reg * W to the gradient of every weight matrix; `strengths` are the members' reg."""

    def __init__(self, strengths: Sequence[float], weights: Buffers, gradients: Buffers) -> None:
        self._double = 2 * torch.tensor(strengths, dtype=torch.float64).to(weights.wide).unsqueeze(1)
        self._pairs = list(zip(gradients.regularised, weights.regularised, strict=True))

    def add(self) -> None:
        """To the gradients."""
        for dw, w in self._pairs:
            dw.addcmul_(w, self._double)


class WeightDecay:
    """Decoupled weight decay: W *= 1 - learning_rate * weight_decay, for every weight matrix, before the update.

    `strengths` are the members' weight_decay. A member without it has the factor 1, which changes no bit.
    """

    def __init__(self, strengths: Sequence[float], weights: Buffers) -> None:
        self._strengths = torch.tensor(strengths, dtype=torch.float64)
        self._weights = weights.regularised
        self._factor = weights.wide.new_ones(len(strengths), 1)
        self._rates: Sequence[float] = ()

    def start_epoch(self, learning_rates: Sequence[float]) -> None:
        """Begin an epoch, with a learning rate a member."""
        if learning_rates == self._rates:
            return
        self._rates = learning_rates
        kept = 1 - torch.tensor(learning_rates, dtype=torch.float64) * self._strengths
        self._factor.copy_(kept.unsqueeze(1))

    def shrink(self) -> None:
        """The weights."""
        for w in self._weights:
            w.mul_(self._factor)
