"""The update rules over a range of members at once, in place.

The same mathematics as `fcsearch.nn.update_rules`, which the tests hold them to. Members of a range share the rule but
no setting: every setting is a tensor with one value a member. On one CPU thread a kernel in C makes the update in one
pass over memory; elsewhere torch operations do, on a CPU a block of memory at a time.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from ctypes import byref
from dataclasses import dataclass

import torch
from torch import Tensor

from fcsearch.training.config import TrialConfig
from fcsearch.training.native import Layout, kernels, pointer
from fcsearch.training.parameters import Buffers

# Torch operations read and write up to five buffers several times: on a CPU a block of them should stay in cache.
_CPU_BLOCK_BYTES = 2**20
_BUFFERS = 5


@dataclass(frozen=True)
class _Block:
    """A part of the parameters: weights, their gradients, the rule's state and a scratch area of the same shape."""

    w: Tensor
    dw: Tensor
    state: tuple[Tensor, ...]
    scratch: Tensor
    members: slice | None  # which members' rows of the rest; None for the wide buffer, whose columns hold all

    def settings(self, rows: Sequence[Tensor], columns: Sequence[Tensor]) -> list[Tensor]:
        """One value a member, as tensors that broadcast over the block."""
        return list(columns) if self.members is None else [row[self.members].unsqueeze(1) for row in rows]


class UpdateRule(ABC):
    """One update rule for the members [start, stop) of a lane.

    Args:
        configs: The members' configurations.
        start: The first one's position in the lane.
        weights: The lane's parameters, which `step` updates in place.
        gradients: Their gradients.
        state: The rule's own buffers of these members, `state_buffers` many.
    """

    name = ""
    state_buffers = 0

    def __init__(
        self, configs: Sequence[TrialConfig], start: int, weights: Buffers, gradients: Buffers, state: Sequence[Buffers]
    ) -> None:
        self.configs = list(configs)
        self.members = slice(start, start + len(configs))
        self.state = list(state)
        self._like = weights.wide
        self._constants = [self._values(values) for values in self.constants()]
        library = kernels(weights.wide.device, weights.wide.dtype)
        self._kernel_calls: list[Callable[..., None]] = []
        self._blocks: list[_Block] = []
        if library is not None:
            self._kernel_calls = list(
                _kernel_calls(getattr(library, self.name), self.members, weights, gradients, state)
            )
        else:
            units = weights.wide.shape[2]
            self._columns_of = torch.arange(len(configs), device=weights.wide.device).repeat_interleave(units)
            self._blocks = list(_blocks(self.members, weights, gradients, self.state))

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
        """Update a block of weights and state by torch operations: the oracle of the kernel of the same name."""

    def step(self, step: int) -> None:
        """Update the weights from the gradients; `step` counts from 0 in the epoch."""
        values = self.settings(step)
        pointers = [pointer(value) for value in values]
        for call in self._kernel_calls:
            call(*pointers)
        if self._blocks:
            single = len(self.configs) == 1
            columns = values if single else [value.index_select(0, self._columns_of) for value in values]
            for block in self._blocks:
                self.update(block.w, block.dw, block.state, block.scratch, block.settings(values, columns))

    def _values(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64).to(self._like)


class SGD(UpdateRule):
    """w -= learning_rate * dw."""

    name = "sgd"

    def start_epoch(self, learning_rates: Sequence[float], first_step: int, steps: int) -> None:  # noqa: ARG002
        """See `UpdateRule`."""
        self._settings = [self._values([-rate for rate in learning_rates])]

    def settings(self, step: int) -> Sequence[Tensor]:  # noqa: ARG002
        """Minus the learning rate."""
        return self._settings

    @staticmethod
    def update(w: Tensor, dw: Tensor, state: Sequence[Tensor], scratch: Tensor, settings: Sequence[Tensor]) -> None:  # noqa: ARG004
        """See `UpdateRule`."""
        w.addcmul_(dw, settings[0])


class Momentum(UpdateRule):
    """v = momentum * v - learning_rate * dw; w += v. State: v."""

    name = "sgd_momentum"
    state_buffers = 1

    def constants(self) -> list[list[float]]:
        """The momentum."""
        return [[config.momentum for config in self.configs]]

    def start_epoch(self, learning_rates: Sequence[float], first_step: int, steps: int) -> None:  # noqa: ARG002
        """See `UpdateRule`."""
        self._settings = [self._values([-rate for rate in learning_rates]), *self._constants]

    def settings(self, step: int) -> Sequence[Tensor]:  # noqa: ARG002
        """Minus the learning rate, and the momentum."""
        return self._settings

    @staticmethod
    def update(w: Tensor, dw: Tensor, state: Sequence[Tensor], scratch: Tensor, settings: Sequence[Tensor]) -> None:  # noqa: ARG004
        """See `UpdateRule`."""
        minus_rate, momentum = settings
        state[0].mul_(momentum).addcmul_(dw, minus_rate)
        w.add_(state[0])


class RMSProp(UpdateRule):
    """cache = decay * cache + (1 - decay) * dw**2; w -= learning_rate * dw / (sqrt(cache) + epsilon). State: cache."""

    name = "rmsprop"
    state_buffers = 1

    def constants(self) -> list[list[float]]:
        """The weight of the new square, and epsilon."""
        return [[1 - config.decay_rate for config in self.configs], [config.epsilon for config in self.configs]]

    def start_epoch(self, learning_rates: Sequence[float], first_step: int, steps: int) -> None:  # noqa: ARG002
        """See `UpdateRule`."""
        self._settings = [*self._constants, self._values([-1 / rate for rate in learning_rates])]

    def settings(self, step: int) -> Sequence[Tensor]:  # noqa: ARG002
        """The weight of the new square, epsilon, and the factor -1 / learning_rate of the divisor."""
        return self._settings

    @staticmethod
    def update(w: Tensor, dw: Tensor, state: Sequence[Tensor], scratch: Tensor, settings: Sequence[Tensor]) -> None:
        """See `UpdateRule`."""
        gain, epsilon, factor = settings
        torch.mul(dw, dw, out=scratch)
        state[0].lerp_(scratch, gain)
        torch.sqrt(state[0], out=scratch)
        w.addcdiv_(dw, scratch.add_(epsilon).mul_(factor))


class Adam(UpdateRule):
    """w -= learning_rate * m' / (sqrt(v') + epsilon), m' and v' the moments of dw corrected for their zero start.

    With m' = m / c1 and v' = v / c2 this adds m / ((sqrt(v) + epsilon * sqrt(c2)) * c1 / (-learning_rate * sqrt(c2)))
    to w, whose factors are the same for all of a member's weights. State: m, v.
    """

    name = "adam"
    state_buffers = 2

    def constants(self) -> list[list[float]]:
        """The weights of the new moments."""
        return [[1 - config.beta1 for config in self.configs], [1 - config.beta2 for config in self.configs]]

    def start_epoch(self, learning_rates: Sequence[float], first_step: int, steps: int) -> None:
        """See `UpdateRule`."""
        t = torch.arange(first_step + 1, first_step + steps + 1, dtype=torch.float64).unsqueeze(1)
        beta1, beta2, epsilon = (
            torch.tensor([getattr(config, name) for config in self.configs], dtype=torch.float64)
            for name in ("beta1", "beta2", "epsilon")
        )
        root2 = torch.sqrt(1 - beta2**t)
        factor = (beta1**t - 1) / (torch.tensor(learning_rates, dtype=torch.float64) * root2)
        self._per_step = list(zip((epsilon * root2).to(self._like), factor.to(self._like), strict=True))

    def settings(self, step: int) -> Sequence[Tensor]:
        """The weights of the new moments, epsilon * sqrt(c2), and the factor of the divisor."""
        return [*self._constants, *self._per_step[step]]

    @staticmethod
    def update(w: Tensor, dw: Tensor, state: Sequence[Tensor], scratch: Tensor, settings: Sequence[Tensor]) -> None:
        """See `UpdateRule`."""
        gain1, gain2, epsilon, factor = settings
        first, second = state
        first.lerp_(dw, gain1)
        torch.mul(dw, dw, out=scratch)
        second.lerp_(scratch, gain2)
        torch.sqrt(second, out=scratch)
        w.addcdiv_(first, scratch.add_(epsilon).mul_(factor))


RULES: dict[str, type[UpdateRule]] = {rule.name: rule for rule in (SGD, Momentum, RMSProp, Adam)}


def _kernel_calls(
    kernel: Callable[..., None], members: slice, weights: Buffers, gradients: Buffers, state: Sequence[Buffers]
) -> Iterator[Callable[..., None]]:
    """Calls of a C kernel, one for the wide buffer and one for the rest, that lack only the settings' pointers."""
    wide = [weights.wide[:, members], gradients.wide[:, members], *(buffers.wide for buffers in state)]
    rest = [weights.rest[members], gradients.rest[members], *(buffers.rest for buffers in state)]
    for arrays in (wide, [array.unsqueeze(0) for array in rest]):
        layout = Layout.of(arrays[0], arrays[-1])
        yield functools.partial(kernel, byref(layout), *(pointer(array) for array in arrays))


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
