"""The update rules over a range of members at once, in place and a block of memory at a time.

The same mathematics as `fcsearch.nn.update_rules`, which the tests hold them to. Members of a range share the rule but
no setting: every setting is a tensor with one value a member.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fcsearch.training.config import TrialConfig
from fcsearch.training.parameters import Buffers

# A rule reads and writes up to five buffers several times: on a CPU a block of them should stay in the L2 cache.
_CPU_BLOCK_BYTES = 2**20
_BUFFERS = 5


class _Setting:
    """One value a member, laid out to broadcast over the two buffers of `Buffers`.

    Attributes:
        columns: Over the wide buffer (rows, m * H): (m * H,), or (1,) for a single member.
        rows: Over the rest (m, Q): (m, 1).
    """

    def __init__(self, values: Tensor, columns_of: Tensor | None) -> None:
        self.rows = values.unsqueeze(1)
        self.columns = values if columns_of is None else values.index_select(0, columns_of)


@dataclass(frozen=True)
class _Block:
    """A part of the parameters: weights, their gradients, the rule's state and a scratch area of the same shape."""

    w: Tensor
    dw: Tensor
    state: tuple[Tensor, ...]
    scratch: Tensor
    members: slice | None  # which members' rows of the rest; None for the wide buffer, which holds all

    def value(self, setting: _Setting) -> Tensor:
        return setting.columns if self.members is None else setting.rows[self.members]


class UpdateRule(ABC):
    """One update rule for the members [start, stop) of a lane.

    Args:
        configs: The members' configurations.
        start: The first one's position in the lane.
        weights: The lane's parameters, which `step` updates in place.
        gradients: Their gradients.
        state: The rule's own buffers of these members, `state_buffers` many.
    """

    state_buffers = 0

    def __init__(
        self, configs: Sequence[TrialConfig], start: int, weights: Buffers, gradients: Buffers, state: Sequence[Buffers]
    ) -> None:
        self.configs = list(configs)
        self.members = slice(start, start + len(configs))
        self.state = list(state)
        units = weights.wide.shape[2]
        self._columns_of = torch.arange(len(configs), device=weights.wide.device).repeat_interleave(units)
        self._like = weights.wide
        self._blocks = list(_blocks(self.members, weights, gradients, self.state))

    @abstractmethod
    def start_epoch(self, learning_rates: Sequence[float], first_step: int, steps: int) -> None:
        """Prepare the settings of an epoch: a learning rate a member, the updates made before, and those to come."""

    @abstractmethod
    def step(self, step: int) -> None:
        """Update the weights from the gradients; `step` counts from 0 in the epoch."""

    def _values(self, values: Sequence[float] | Tensor) -> _Setting:
        tensor = torch.as_tensor(values, dtype=torch.float64).to(self._like)
        return _Setting(tensor, self._columns_of if len(tensor) > 1 else None)


class SGD(UpdateRule):
    """w -= learning_rate * dw."""

    def start_epoch(self, learning_rates: Sequence[float], first_step: int, steps: int) -> None:  # noqa: ARG002
        """See `UpdateRule`."""
        self._minus_rate = self._values([-rate for rate in learning_rates])

    def step(self, step: int) -> None:  # noqa: ARG002
        """See `UpdateRule`."""
        for block in self._blocks:
            block.w.addcmul_(block.dw, block.value(self._minus_rate))


class Momentum(UpdateRule):
    """v = momentum * v - learning_rate * dw; w += v. State: v."""

    state_buffers = 1

    def start_epoch(self, learning_rates: Sequence[float], first_step: int, steps: int) -> None:  # noqa: ARG002
        """See `UpdateRule`."""
        self._minus_rate = self._values([-rate for rate in learning_rates])
        self._momentum = self._values([config.momentum for config in self.configs])

    def step(self, step: int) -> None:  # noqa: ARG002
        """See `UpdateRule`."""
        for block in self._blocks:
            (velocity,) = block.state
            velocity.mul_(block.value(self._momentum)).addcmul_(block.dw, block.value(self._minus_rate))
            block.w.add_(velocity)


class RMSProp(UpdateRule):
    """cache = decay * cache + (1 - decay) * dw**2; w -= learning_rate * dw / (sqrt(cache) + epsilon). State: cache."""

    state_buffers = 1

    def start_epoch(self, learning_rates: Sequence[float], first_step: int, steps: int) -> None:  # noqa: ARG002
        """See `UpdateRule`."""
        self._minus_inverse_rate = self._values([-1 / rate for rate in learning_rates])
        self._gain = self._values([1 - config.decay_rate for config in self.configs])
        self._epsilon = self._values([config.epsilon for config in self.configs])

    def step(self, step: int) -> None:  # noqa: ARG002
        """See `UpdateRule`."""
        for block in self._blocks:
            (cache,) = block.state
            torch.mul(block.dw, block.dw, out=block.scratch)
            cache.lerp_(block.scratch, block.value(self._gain))
            torch.sqrt(cache, out=block.scratch)
            block.scratch.add_(block.value(self._epsilon)).mul_(block.value(self._minus_inverse_rate))
            block.w.addcdiv_(block.dw, block.scratch)


class Adam(UpdateRule):
    """w -= learning_rate * m' / (sqrt(v') + epsilon), m' and v' the moments of dw corrected for their zero start.

    With m' = m / c1 and v' = v / c2 this adds m / ((sqrt(v) + epsilon * sqrt(c2)) * c1 / (-learning_rate * sqrt(c2)))
    to w, whose factors are the same for all of a member's weights. State: m, v.
    """

    state_buffers = 2

    def start_epoch(self, learning_rates: Sequence[float], first_step: int, steps: int) -> None:
        """See `UpdateRule`."""
        self._gain1 = self._values([1 - config.beta1 for config in self.configs])
        self._gain2 = self._values([1 - config.beta2 for config in self.configs])
        self._per_step = []
        for t in range(first_step + 1, first_step + steps + 1):
            root2 = [math.sqrt(1 - config.beta2**t) for config in self.configs]
            epsilons = [config.epsilon * root for config, root in zip(self.configs, root2, strict=True)]
            factors = [
                (config.beta1**t - 1) / (rate * root)
                for config, rate, root in zip(self.configs, learning_rates, root2, strict=True)
            ]
            self._per_step.append((epsilons, factors))
        table = torch.tensor(self._per_step, dtype=torch.float64).to(self._like)
        self._tables = list(table)

    def step(self, step: int) -> None:
        """See `UpdateRule`."""
        columns_of = self._columns_of if len(self.configs) > 1 else None
        epsilon, factor = (_Setting(values, columns_of) for values in self._tables[step])
        for block in self._blocks:
            first, second = block.state
            first.lerp_(block.dw, block.value(self._gain1))
            torch.mul(block.dw, block.dw, out=block.scratch)
            second.lerp_(block.scratch, block.value(self._gain2))
            torch.sqrt(second, out=block.scratch)
            block.scratch.add_(block.value(epsilon)).mul_(block.value(factor))
            block.w.addcdiv_(first, block.scratch)


RULES: dict[str, type[UpdateRule]] = {"sgd": SGD, "sgd_momentum": Momentum, "rmsprop": RMSProp, "adam": Adam}


def _blocks(members: slice, weights: Buffers, gradients: Buffers, state: Sequence[Buffers]) -> Iterator[_Block]:
    """Cut a range of members into blocks that a cache holds; on a GPU there are two, the wide buffer and the rest."""
    budget = _CPU_BLOCK_BYTES // (_BUFFERS * weights.wide.element_size())
    if weights.wide.device.type != "cpu":
        budget = max(weights.wide.numel(), weights.rest.numel())
    wide = [weights.wide[:, members].flatten(1), gradients.wide[:, members].flatten(1)]
    wide += [buffers.wide.flatten(1) for buffers in state]
    rows = max(1, budget // wide[0].shape[1])
    for parts in zip(*(torch.split(buffer, rows) for buffer in wide), strict=True):
        yield _Block(parts[0], parts[1], tuple(parts[2:]), torch.empty_like(parts[0]), None)
    rest = [weights.rest[members], gradients.rest[members], *(buffers.rest for buffers in state)]
    count, width = rest[0].shape
    at_once = max(1, budget // max(1, width))
    for first in range(0, count, at_once):
        some = slice(first, first + at_once)
        for parts in zip(*(torch.split(buffer[some], budget, dim=1) for buffer in rest), strict=True):
            yield _Block(parts[0], parts[1], tuple(parts[2:]), torch.empty_like(parts[0]), some)
