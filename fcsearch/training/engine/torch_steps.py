"""Steps of a lane by torch operations, all members at once: on a GPU, and where steps.c cannot be used."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fcsearch.config import TrialConfig
from fcsearch.training.engine.activations import ACTIVATIONS, Dropping
from fcsearch.training.engine.buffers import Buffers
from fcsearch.training.engine.inputs import InputDropout
from fcsearch.training.engine.losses import LaneLoss
from fcsearch.training.engine.passes import EmbeddedNet, stacked_net
from fcsearch.training.engine.regularisation import L2Penalty, WeightDecay
from fcsearch.training.engine.update_rule import BoundRule, UpdateRule


class TorchSteps:
    """Trains the members of a lane in place.

    Args:
        configs: Their configurations, sorted as a lane sorts them.
        rules: Their update rules, a span of members each.
        weights: Their parameters.
        rows: Rows of a minibatch.
    """

    def __init__(
        self, configs: Sequence[TrialConfig], rules: Sequence[UpdateRule], weights: Buffers, *, rows: int
    ) -> None:
        like, shape, first = weights.wide, weights.shape, configs[0]
        gradients = Buffers.zeros(shape, len(configs), device=like.device, dtype=like.dtype)
        self._net = stacked_net(weights, rows, gradients, activation=first.activation)
        self._loss = LaneLoss.training(configs, like, shape.num_classes)
        self._total = like.new_zeros(len(configs), shape.num_classes, rows)
        self._input_dropout: InputDropout | None = None
        if first.input_dropout:
            self._input_dropout = InputDropout(first.input_dropout, rows, shape.dims[0], seed=first.seed, like=like)
            self._all_kept = like.new_ones(rows, shape.dims[0])
        rates = [config.dropout for config in configs]
        if any(rates) and self._net.hidden:
            dropping = Dropping(rates, self._net.hidden, seed=first.seed)
            self._net.activation = ACTIVATIONS[first.activation](self._net.hidden, dropping)
        strengths = [config.reg for config in configs]
        self._penalty = L2Penalty(strengths, weights, gradients) if any(strengths) else None
        decays = [config.weight_decay for config in configs]
        self._decay = WeightDecay(decays, weights) if any(decays) else None
        self._rules = [BoundRule(rule, weights, gradients) for rule in rules]

    @property
    def generators(self) -> list[torch.Generator]:
        """What the steps draw from."""
        own = [] if self._input_dropout is None else [self._input_dropout.bits.generator]
        return own + self._net.activation.generators

    def start_epoch(self, epoch: int, rates: Sequence[float]) -> None:
        """Begin an epoch (from 1) with these learning rates."""
        self._net.activation.start_epoch(epoch)
        if self._input_dropout is not None:
            self._input_dropout.bits.start_epoch(epoch)
        if self._decay is not None:
            self._decay.start_epoch(rates)

    def train(self, x: Tensor, targets: Tensor, row_weights: Tensor | None, number: int) -> None:
        """Make the updates of some steps.

        Args:
            x: (steps, N, D).
            targets: (steps, C, N).
            row_weights: (steps, N), or None if all rows count alike.
            number: That of the first step in the stretch of epochs that was prepared, from 0.
        """
        for step in range(len(x)):
            self.step(x[step], targets[step], None if row_weights is None else row_weights[step], number + step)

    def step(self, x: Tensor, targets: Tensor, row_weights: Tensor | None, number: int | Tensor) -> None:
        """Make one update on a minibatch; its number is given as in `Settings`.

        Nothing is read back from the device, and no shape depends on what was computed.
        """
        x = x if self._input_dropout is None else self._dropped(x, self._input_dropout)
        scores = self._net.forward(x)
        self._loss.apply(scores, targets, self._total, row_weights)
        self._net.backward(x)
        if self._penalty is not None:
            self._penalty.add()
        if self._decay is not None:
            self._decay.shrink()
        for rule in self._rules:
            rule.update(number)

    def _dropped(self, x: Tensor, dropout: InputDropout) -> Tensor:
        """The rows with dropout; behind an embedding it is for the features that this makes."""
        if not isinstance(self._net, EmbeddedNet):
            return dropout.apply(x)
        self._net.mask = dropout.apply(self._all_kept)
        return x

    def losses(self) -> Tensor:
        """Each member's losses since the last call, summed over rows and steps, (M,)."""
        losses = self._total.sum((1, 2))
        self._total.zero_()
        return losses
