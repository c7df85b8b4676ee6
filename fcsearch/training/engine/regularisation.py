"""What holds the weights of a lane's members down: L2, which is part of the loss, and decoupled weight decay."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from fcsearch.training.engine.buffers import Block, Buffers


class L2Penalty:
    """L2: adds 2 * reg * W to the gradient of every weight matrix.

    Args:
        strengths: The reg of each member.
        weights: The members' parameters.
        gradients: Their gradients, of the first layer those of one block at a time.
        blocks: The first layer's.
    """

    def __init__(
        self, strengths: Sequence[float], weights: Buffers, gradients: Buffers, blocks: Sequence[Block]
    ) -> None:
        self._double = 2 * torch.tensor(strengths, dtype=torch.float64).to(weights.wide).unsqueeze(1)
        (w1, w), (dw1, dw) = weights.regularised, gradients.regularised
        self._blocks = [(dw1[block.gradients.start :], w1[block.inputs]) for block in blocks]
        self._rest = dw, w

    def add_to_block(self, block: int) -> None:
        """To the gradient of a block of the first layer."""
        dw, w = self._blocks[block]
        dw.addcmul_(w, self._double)

    def add_to_rest(self) -> None:
        """To the gradients of the later layers."""
        dw, w = self._rest
        dw.addcmul_(w, self._double)


class WeightDecay:
    """Decoupled weight decay: W *= 1 - learning_rate * weight_decay, for every weight matrix, before the update.

    A member without decay has the factor 1, which changes no bit of its weights.

    Args:
        strengths: The weight_decay of each member.
        weights: The members' parameters.
        blocks: The first layer's.
    """

    def __init__(self, strengths: Sequence[float], weights: Buffers, blocks: Sequence[Block]) -> None:
        self._strengths = torch.tensor(strengths, dtype=torch.float64)
        w1, self._rest = weights.regularised
        self._blocks = [w1[block.inputs] for block in blocks]
        self._factor = weights.wide.new_ones(len(strengths), 1)

    def start_epoch(self, learning_rates: Sequence[float]) -> None:
        """Begin an epoch, with a learning rate a member."""
        kept = 1 - torch.tensor(learning_rates, dtype=torch.float64) * self._strengths
        self._factor.copy_(kept.unsqueeze(1))

    def shrink_block(self, block: int) -> None:
        """A block of the first layer."""
        self._blocks[block].mul_(self._factor)

    def shrink_rest(self) -> None:
        """The later layers."""
        self._rest.mul_(self._factor)
