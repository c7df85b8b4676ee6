"""What the update rules have in common: a step over a range of members at once, in place.

Members of a range share the rule but no setting: every setting is a tensor with one value a member. On one CPU thread a
kernel in C makes the update in one pass over memory, if the rule has one; elsewhere torch operations do, on a CPU a
piece of memory at a time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from fcsearch.config import TrialConfig
from fcsearch.training.engine.buffers import Block, Buffers
from fcsearch.training.engine.native import kernels
from fcsearch.training.engine.rule_pieces import rest_pieces, torch_update, wide_pieces


class UpdateRule(ABC):
    """One update rule for the members [start, stop) of a lane.

    A step is `start_step`, `update_block` for each block of the first layer, and `update_rest`.

    Args:
        configs: The members' configurations.
        start: The first one's position in the lane.
        weights: The lane's parameters, which are updated in place.
        gradients: Their gradients, of the first layer those of one block at a time.
        blocks: The first layer's.
        state: The rule's own buffers of these members, `state_buffers` many.
    """

    name = ""
    state_buffers = 0

    def __init__(
        self,
        configs: Sequence[TrialConfig],
        start: int,
        weights: Buffers,
        gradients: Buffers,
        blocks: Sequence[Block],
        state: Sequence[Buffers],
    ) -> None:
        self.configs = list(configs)
        self.members = slice(start, start + len(configs))
        self.state = list(state)
        self._like = weights.wide
        self._constants = [self._values(values) for values in self.constants()]
        wide = [
            [weights.wide[block.parameters, self.members], gradients.wide[block.gradients, self.members]]
            + [buffers.wide[block.parameters] for buffers in state]
            for block in blocks
        ]
        rest = [weights.rest[self.members], gradients.rest[self.members], *(buffers.rest for buffers in state)]
        library = kernels(weights.wide.device, weights.wide.dtype)
        self._kernel = library.get(self.name) if library is not None else None
        if self._kernel is not None:
            self._blocks = [self._kernel.bind(*arrays) for arrays in wide]
            self._rest = self._kernel.bind(*(array.unsqueeze(0) for array in rest))
        else:
            self._blocks = [torch_update(self.update, wide_pieces(arrays)) for arrays in wide]
            self._rest = torch_update(self.update, rest_pieces(rest))

    def constants(self) -> list[list[float]]:
        """Settings that stay the same in training, one value a member each."""
        return []

    @abstractmethod
    def start_epoch(self, learning_rates: Sequence[float], first_step: int, steps: int) -> None:
        """Prepare the settings of an epoch: a learning rate a member, the updates made before, and those to come."""

    @abstractmethod
    def settings(self, step: int) -> Sequence[Tensor]:
        """What `update` takes at a step of the epoch (from 0), each (members,)."""

    @staticmethod
    @abstractmethod
    def update(w: Tensor, dw: Tensor, state: Sequence[Tensor], scratch: Tensor, settings: Sequence[Tensor]) -> None:
        """Update a piece of weights and state by torch operations, as the kernel of the same name does."""

    def start_step(self, step: int) -> None:
        """Begin a step of the epoch, which counts from 0."""
        values = self.settings(step)
        self._arguments = values if self._kernel is None else self._kernel.addresses(values, (len(self.configs),))

    def update_block(self, block: int) -> None:
        """Update a block of the first layer, whose gradient stands in the gradients' buffer now."""
        self._blocks[block](*self._arguments)

    def update_rest(self) -> None:
        """Update the later layers."""
        self._rest(*self._arguments)

    def _values(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64).to(self._like)
