"""What the update rules have in common: a step over a range of members at once, in place.

Members of a range share the rule but no setting: every setting is a tensor with one value a member. On one CPU thread
or a GPU a kernel in C makes the update in one pass over memory, if the rule has one; elsewhere torch operations do, on
a CPU a piece of memory at a time.
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
from fcsearch.training.engine.settings import Settings


class UpdateRule(ABC):
    """One update rule for the members [start, stop) of a lane.

    Args:
        configs: The members' configurations.
        start: The first one's position in the lane.
        like: A tensor of the weights' device and dtype.
        state: The rule's own buffers of these members, `state_buffers` many.

    Attributes:
        settings: What the updates of an epoch take.
    """

    name = ""
    state_buffers = 0

    def __init__(self, configs: Sequence[TrialConfig], start: int, like: Tensor, state: Sequence[Buffers]) -> None:
        self.configs = list(configs)
        self.members = slice(start, start + len(configs))
        self.state = list(state)
        self.settings = Settings(like)

    def bind(self, weights: Buffers, gradients: Buffers, blocks: Sequence[Block]) -> BoundRule:
        """The rule over the memory of a lane.

        Args:
            weights: The lane's parameters, which are updated in place.
            gradients: Their gradients, of the first layer those of one block at a time.
            blocks: The first layer's.
        """
        return BoundRule(self, weights, gradients, blocks)

    @abstractmethod
    def schedule(self, rates: Tensor, first_step: int, steps: int) -> list[Tensor]:
        """What `update` takes in an epoch, setting by setting, float64: (members,), or (steps, members) if it changes.

        Args:
            rates: The learning rates, (members,).
            first_step: Updates made before the epoch.
            steps: Its own.
        """

    @staticmethod
    @abstractmethod
    def update(w: Tensor, dw: Tensor, state: Sequence[Tensor], scratch: Tensor, settings: Sequence[Tensor]) -> None:
        """Update a piece of weights and state by torch operations, as the kernel of the same name does."""

    def start_epoch(self, learning_rates: Sequence[float], first_step: int, steps: int) -> None:
        """Prepare an epoch: a learning rate a member, the updates made before, and those to come."""
        rates = torch.tensor(learning_rates, dtype=torch.float64)
        self.settings.fill(self.schedule(rates, first_step, steps), steps)

    def _each(self, name: str) -> Tensor:
        """A setting of the members, (members,) float64."""
        return torch.tensor([getattr(config, name) for config in self.configs], dtype=torch.float64)


class BoundRule:
    """A rule over the memory of a lane. A step is `start_step`, `update_block` for each block, and `update_rest`.

    Args:
        rule: The rule.
        weights: As in `UpdateRule.bind`, like the other arguments.
    """

    def __init__(self, rule: UpdateRule, weights: Buffers, gradients: Buffers, blocks: Sequence[Block]) -> None:
        self._rule = rule
        members = rule.members
        wide = [
            [weights.wide[block.parameters, members], gradients.wide[block.gradients, members]]
            + [buffers.wide[block.parameters] for buffers in rule.state]
            for block in blocks
        ]
        rest = [weights.rest[members], gradients.rest[members], *(buffers.rest for buffers in rule.state)]
        library = kernels(weights.wide.device, weights.wide.dtype)
        self._kernel = library.get(rule.name) if library is not None else None
        if self._kernel is not None:
            self._blocks = [self._kernel.bind(*arrays) for arrays in wide]
            self._rest = self._kernel.bind(*(array.unsqueeze(0) for array in rest))
        else:
            self._blocks = [torch_update(rule.update, wide_pieces(arrays)) for arrays in wide]
            self._rest = torch_update(rule.update, rest_pieces(rest))

    def start_step(self, step: int | Tensor) -> None:
        """Begin a step of the epoch, which counts from 0: see `Settings`."""
        values, members = self._rule.settings.at(step), len(self._rule.configs)
        self._arguments = values.unbind(0) if self._kernel is None else self._kernel.rows(values, members)

    def update_block(self, block: int) -> None:
        """Update a block of the first layer, whose gradient stands in the gradients' buffer now."""
        self._blocks[block](*self._arguments)

    def update_rest(self) -> None:
        """Update the later layers."""
        self._rest(*self._arguments)
