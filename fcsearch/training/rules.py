"""The update rules over a range of members at once, in place.

The same mathematics as `fcsearch.nn.update_rules`, which the tests hold them to. Members of a range share the rule but
no setting: every setting is a tensor with one value a member. On one CPU thread a kernel in C makes the update in one
pass over memory; elsewhere torch operations do, on a CPU a piece of memory at a time.
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from ctypes import byref
from dataclasses import dataclass

import torch
from torch import Tensor

from fcsearch.config import TrialConfig
from fcsearch.training.native import Layout, kernels, pointer
from fcsearch.training.parameters import Block, Buffers

# Torch operations read and write up to five buffers several times: on a CPU a piece of so many values stays in cache.
_PIECE_VALUES = 2**16

# Updates some of the parameters; takes the settings of a step, as a kernel or as torch operations want them.
_Update = Callable[..., None]


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
        self._by_kernel = library is not None
        if library is not None:
            kernel = getattr(library, self.name)
            self._blocks = [_kernel_update(kernel, arrays) for arrays in wide]
            self._rest = _kernel_update(kernel, [array.unsqueeze(0) for array in rest])
        else:
            self._blocks = [_torch_update(self.update, _wide_pieces(arrays)) for arrays in wide]
            self._rest = _torch_update(self.update, _rest_pieces(rest))

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
        """Update a piece of weights and state by torch operations: the oracle of the kernel of the same name."""

    def start_step(self, step: int) -> None:
        """Begin a step of the epoch, which counts from 0."""
        values = self.settings(step)
        self._arguments = [pointer(value) for value in values] if self._by_kernel else values

    def update_block(self, block: int) -> None:
        """Update a block of the first layer, whose gradient stands in the gradients' buffer now."""
        self._blocks[block](*self._arguments)

    def update_rest(self) -> None:
        """Update the later layers."""
        self._rest(*self._arguments)

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
        # A rate that decayed to 0 moves nothing.
        factors = [-1 / rate if rate else -math.inf for rate in learning_rates]
        self._settings = [*self._constants, self._values(factors)]

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


def _kernel_update(kernel: _Update, arrays: Sequence[Tensor]) -> _Update:
    """A call of a C kernel on arrays (outer, M, inner) that lacks only the pointers of the settings."""
    layout = Layout.of(arrays[0], arrays[-1])
    return functools.partial(kernel, byref(layout), *(pointer(array) for array in arrays))


@dataclass(frozen=True)
class _Piece:
    """Weights, their gradients and the rule's state, (rows, columns) each, and how a setting broadcasts over them."""

    w: Tensor
    dw: Tensor
    state: tuple[Tensor, ...]
    spread: Callable[[Tensor], Tensor]


def _torch_update(update: _Update, pieces: Sequence[_Piece]) -> _Update:
    """Torch operations on one piece after the other."""
    first = pieces[0].w
    scratch = first.new_empty(max(piece.w.numel() for piece in pieces))

    def run(*values: Tensor) -> None:
        for piece in pieces:
            space = scratch[: piece.w.numel()].view(piece.w.shape)
            update(piece.w, piece.dw, piece.state, space, [piece.spread(value) for value in values])

    return run


def _wide_pieces(arrays: Sequence[Tensor]) -> list[_Piece]:
    """One piece: a block of the first layer, (rows, M, H), whose columns hold all members."""
    _, members, units = arrays[0].shape
    columns = torch.arange(members, device=arrays[0].device).repeat_interleave(units)
    flat = [array.flatten(1) for array in arrays]
    return [_Piece(flat[0], flat[1], tuple(flat[2:]), lambda value: value.index_select(0, columns))]


def _rest_pieces(arrays: Sequence[Tensor]) -> list[_Piece]:
    """The later layers, (M, Q), cut into pieces that a cache holds; on a GPU there is one."""
    count, width = arrays[0].shape
    values = _PIECE_VALUES if arrays[0].device.type == "cpu" else arrays[0].numel()
    at_once = max(1, values // max(1, width))
    pieces = []
    for first in range(0, count, at_once):
        members = slice(first, first + at_once)
        for parts in zip(*(torch.split(array[members], values, dim=1) for array in arrays), strict=True):
            pieces.append(_Piece(parts[0], parts[1], tuple(parts[2:]), _column(members)))
    return pieces


def _column(members: slice) -> Callable[[Tensor], Tensor]:
    return lambda value: value[members].unsqueeze(1)
