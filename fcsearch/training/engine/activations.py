"""What happens to a hidden layer after its product: an activation, and dropout for a lane in which some member drops.

One draw of random bits serves every member, each with its own threshold. ReLU and dropout set units to exactly 0 and
leave those that pass above 0, so one comparison with 0 serves the backward pass of both.

Another activation is a Function and an entry in ACTIVATIONS; a pair of classes and kernels of its own make it faster.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from fcsearch import nn
from fcsearch.training.engine.masks import RandomBits, thresholds_and_scales, zero_where_not_positive
from fcsearch.training.engine.native import CallSite, kernels


class Relu:
    """ReLU, in place; its gradient at 0 is 0.

    Args:
        hidden: The layers that it is carried back through, each (M, N, H): for functions that keep something of them.
    """

    def __init__(self, hidden: Sequence[Tensor] = ()) -> None:
        pass

    @property
    def generators(self) -> list[torch.Generator]:
        """What a step draws from."""
        return []

    def start_epoch(self, epoch: int) -> None:
        """Begin an epoch (from 1)."""

    def draw(self) -> None:
        """Begin a step."""

    def forward(self, layer: int, hidden: Tensor) -> None:  # noqa: ARG002
        """Activate a hidden layer (from 0), (M, N, H), in place."""
        hidden.clamp_(min=0)

    def backward(self, layer: int, hidden: Tensor, dhidden: Tensor) -> None:  # noqa: ARG002
        """Carry the gradient of an activated layer back, in place."""
        zero_where_not_positive(dhidden, hidden, out=dhidden)


class ReluDropout(Relu):
    """ReLU and inverted dropout of M members whose draws are shared, since they carry one seed.

    Args:
        rates: Probability of dropping, one a member.
        hidden: The layers that are dropped, each (M, N, H); they give shapes and memory layouts.
        seed: Seed of the draws.
    """

    def __init__(self, rates: Sequence[float], hidden: Sequence[Tensor], *, seed: int) -> None:
        first = hidden[0]
        sizes = [h.shape[1] * h.shape[2] for h in hidden]
        self.bits = RandomBits(sum(sizes), seed=seed, purpose="dropout", device=first.device)
        self._drawn = [
            bits.view(h.shape[1:]) for bits, h in zip(torch.split(self.bits.values, sizes), hidden, strict=True)
        ]  # one (N, H) for all members
        self._thresholds, self._scale = (values.view(-1, 1, 1) for values in thresholds_and_scales(rates, first))
        library = kernels(first.device, first.dtype)
        self._margins = [torch.empty_like(h) for h in hidden] if library is None else []
        self._forward: list[CallSite] = []
        self._backward: list[CallSite] = []
        if library is not None:
            threshold, scale = self._thresholds.flatten(), self._scale.flatten()
            self._forward = [CallSite(library["relu_dropout"], drawn, threshold, scale) for drawn in self._drawn]
            self._backward = [CallSite(library["relu_dropout_backward"], scale) for _ in hidden]

    @property
    def generators(self) -> list[torch.Generator]:
        """See `Relu`."""
        return [self.bits.generator]

    def start_epoch(self, epoch: int) -> None:
        """Begin the draws of an epoch (from 1)."""
        self.bits.start_epoch(epoch)

    def draw(self) -> None:
        """Draw the bits of one step."""
        self.bits.draw()

    def forward(self, layer: int, hidden: Tensor) -> None:
        """Activate a hidden layer, drop units of it, and scale those that stay by 1 / (1 - rate)."""
        if self._forward:
            self._forward[layer](hidden)
            return
        margin = self._margins[layer]
        torch.sub(self._drawn[layer].to(margin.dtype), self._thresholds, out=margin)
        hidden.clamp_(min=0)
        zero_where_not_positive(hidden, margin, out=hidden)
        hidden.mul_(self._scale)

    def backward(self, layer: int, hidden: Tensor, dhidden: Tensor) -> None:
        """Carry the gradient of an activated layer back, in place."""
        if self._backward:
            self._backward[layer](hidden, dhidden)
            return
        zero_where_not_positive(dhidden, hidden, out=dhidden)
        dhidden.mul_(self._scale)


class Function(NamedTuple):
    """A function of one value whose slope follows from that value; both halves work in place.

    Attributes:
        apply: Applies it to a hidden layer.
        carry_back: Multiplies a gradient by the slope at the values that it was applied to.
    """

    apply: Callable[[Tensor], Tensor]
    carry_back: Callable[[Tensor, Tensor], Tensor]


_aten, _SLOPE, _CONSTANTS = torch.ops.aten, nn.LeakyReLU.SLOPE, (nn.SELU.ALPHA, nn.SELU.SCALE)
# See `fcsearch.nn`.
_LEAKY_RELU = Function(
    lambda hidden: _aten.leaky_relu.out(hidden, _SLOPE, out=hidden),
    lambda dhidden, x: _aten.leaky_relu_backward.grad_input(dhidden, x, _SLOPE, False, grad_input=dhidden),
)
_GELU = Function(
    lambda hidden: _aten.gelu.out(hidden, out=hidden),
    lambda dhidden, x: _aten.gelu_backward.grad_input(dhidden, x, grad_input=dhidden),
)
_SELU = Function(
    lambda hidden: _aten.elu.out(hidden, *_CONSTANTS, out=hidden),
    lambda dhidden, x: _aten.elu_backward.grad_input(dhidden, *_CONSTANTS, 1.0, False, x, grad_input=dhidden),
)


class Smooth(Relu):
    """A function that is not ReLU, in place. What it was applied to is kept for the way back.

    Args:
        function: The function: torch's fused operations, which `fcsearch check` holds to the plain net's formulas.
        hidden: The layers that it is carried back through, each (M, N, H); none for a net that is only evaluated.
    """

    def __init__(self, function: Function, hidden: Sequence[Tensor] = ()) -> None:
        self._function = function
        self._kept = [torch.empty_like(h) for h in hidden]

    def forward(self, layer: int, hidden: Tensor) -> None:
        """Activate a hidden layer (from 0), (M, N, H), in place."""
        if self._kept:
            self._kept[layer].copy_(hidden)
        self._function.apply(hidden)

    def backward(self, layer: int, hidden: Tensor, dhidden: Tensor) -> None:  # noqa: ARG002
        """Carry the gradient of an activated layer back, in place."""
        self._function.carry_back(dhidden, self._kept[layer])


class SmoothDropout(ReluDropout):
    """Such a function, and dropout after it: the units that ReluDropout would drop.

    Args:
        function: As in Smooth.
        rates: As in ReluDropout, like the other arguments.
    """

    def __init__(self, function: Function, rates: Sequence[float], hidden: Sequence[Tensor], *, seed: int) -> None:
        super().__init__(rates, hidden, seed=seed)
        self._smooth = Smooth(function, hidden)
        self._margins = [torch.empty_like(h) for h in hidden]

    def forward(self, layer: int, hidden: Tensor) -> None:
        """Activate a hidden layer, drop units of it, and scale those that stay by 1 / (1 - rate)."""
        self._smooth.forward(layer, hidden)
        margin = self._margins[layer]
        torch.sub(self._drawn[layer].to(margin.dtype), self._thresholds, out=margin)
        self._drop(margin, hidden)

    def backward(self, layer: int, hidden: Tensor, dhidden: Tensor) -> None:
        """Carry the gradient of an activated layer back, in place."""
        self._drop(self._margins[layer], dhidden)
        self._smooth.backward(layer, hidden, dhidden)

    def _drop(self, margin: Tensor, values: Tensor) -> None:
        zero_where_not_positive(values, margin, out=values)
        values.mul_(self._scale)


@dataclass(frozen=True)
class Forms:
    """An activation as a lane runs it: alone, and with dropout after it."""

    plain: Callable[[Sequence[Tensor]], Relu]
    dropped: Callable[..., ReluDropout]

    @classmethod
    def of(cls, function: Function) -> Forms:
        """Those of a function that is not ReLU."""
        return cls(functools.partial(Smooth, function), functools.partial(SmoothDropout, function))


ACTIVATIONS: dict[str, Forms] = {
    "relu": Forms(Relu, ReluDropout),
    "leaky_relu": Forms.of(_LEAKY_RELU),
    "gelu": Forms.of(_GELU),
    "selu": Forms.of(_SELU),
}
