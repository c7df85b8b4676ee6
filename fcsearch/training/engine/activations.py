"""What happens to a hidden layer after its product: biases, an activation, and dropout where some member drops.

One draw of random bits serves every member, each with its own threshold. ReLU and dropout set units to exactly 0 and
leave those that pass above 0, so one comparison with 0 serves the backward pass of both.

Another activation is a Function and an entry in ACTIVATIONS; a class and kernels of its own make it faster.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from fcsearch import nn
from fcsearch.training.engine.masks import RandomBits, thresholds_and_scales, zero_where_not_positive
from fcsearch.training.engine.native import CallSite, kernels


class RowSums:
    """Sums of stacked rows.

    Args:
        like: What is summed, (M, N, H).
    """

    def __init__(self, like: Tensor) -> None:
        self._ones = like.new_ones(len(like), 1, like.shape[1])

    def put(self, rows: Tensor, out: Tensor) -> None:
        """Put the sums of rows (M, N, H) into `out`, (M, H)."""
        # As a product, because the order in which torch.sum adds depends on how many members there are.
        torch.bmm(self._ones, rows, out=out.unsqueeze(1))


class Dropping:
    """Inverted dropout of hidden layers of M members whose draws are shared, since they carry one seed.

    Args:
        rates: Probability of dropping, one a member.
        hidden: The layers that are dropped, each (M, N, H); they give shapes and memory layouts.
        seed: Seed of the draws.

    Attributes:
        bits: What each step draws.
        drawn: The bits of each layer, one (N, H) for all members.
        thresholds: What the bits are compared with, (M,).
        scale: What is multiplied with units that stay, 1 / (1 - rate), (M,).
    """

    def __init__(self, rates: Sequence[float], hidden: Sequence[Tensor], *, seed: int) -> None:
        sizes = [h.shape[1] * h.shape[2] for h in hidden]
        self.bits = RandomBits(sum(sizes), seed=seed, purpose="dropout", device=hidden[0].device)
        self.drawn = [
            bits.view(h.shape[1:]) for bits, h in zip(torch.split(self.bits.values, sizes), hidden, strict=True)
        ]
        self.thresholds, self.scale = thresholds_and_scales(rates, hidden[0])
        self._margins: dict[int, Tensor] = {}

    def drop(self, layer: int, hidden: Tensor) -> None:
        """Drop units of a layer, (M, N, H), and scale those that stay."""
        if layer not in self._margins:
            self._margins[layer] = torch.empty_like(hidden)
        torch.sub(self.drawn[layer].to(hidden.dtype), self.thresholds.view(-1, 1, 1), out=self._margins[layer])
        self.drop_alike(layer, hidden)

    def drop_alike(self, layer: int, values: Tensor) -> None:
        """Do with other values (M, N, H) what was done with the layer."""
        zero_where_not_positive(values, self._margins[layer], out=values)
        self.rescale(values)

    def rescale(self, values: Tensor) -> None:
        """Scale values (M, N, H) as those that stay."""
        values.mul_(self.scale.view(-1, 1, 1))


class Activation(ABC):
    """What happens to hidden layers after their products, in place: biases, a function, and dropout if there is any.

    Args:
        hidden: The layers, each (M, N, H); they give shapes and memory layouts.
        dropping: What drops units of them.
        trained: Whether anything is carried back through them.
    """

    def __init__(self, hidden: Sequence[Tensor], dropping: Dropping | None = None, *, trained: bool = True) -> None:
        self._dropping = dropping
        self._sums = RowSums(hidden[0]) if trained and hidden else None

    @property
    def generators(self) -> list[torch.Generator]:
        """What a step draws from."""
        return [] if self._dropping is None else [self._dropping.bits.generator]

    def start_epoch(self, epoch: int) -> None:
        """Begin an epoch (from 1)."""
        if self._dropping is not None:
            self._dropping.bits.start_epoch(epoch)

    def draw(self) -> None:
        """Begin a step: draw its bits."""
        if self._dropping is not None:
            self._dropping.bits.draw()

    def forward(self, layer: int, hidden: Tensor, bias: Tensor) -> None:
        """Turn the product of a hidden layer (from 0), (M, N, H), with its biases (M, H) into the layer."""
        self._apply(layer, hidden.add_(bias.unsqueeze(1)))
        if self._dropping is not None:
            self._dropping.drop(layer, hidden)

    def backward(self, layer: int, hidden: Tensor, dhidden: Tensor, dbias: Tensor) -> None:
        """Turn the gradient of a hidden layer, (M, N, H), into that of its product, and leave that of its biases."""
        assert self._sums is not None
        self._carry_back(layer, hidden, dhidden)
        self._sums.put(dhidden, dbias)

    @abstractmethod
    def _apply(self, layer: int, hidden: Tensor) -> None:
        """Apply the function."""

    @abstractmethod
    def _carry_back(self, layer: int, hidden: Tensor, dhidden: Tensor) -> None:
        """Carry a gradient back through dropout and the function."""


class Relu(Activation):
    """ReLU; its gradient at 0 is 0. On a GPU a kernel does all that happens to a layer, in one pass over memory."""

    def __init__(self, hidden: Sequence[Tensor], dropping: Dropping | None = None, *, trained: bool = True) -> None:
        super().__init__(hidden, dropping, trained=trained)
        library = kernels(hidden[0].device, hidden[0].dtype) if hidden else None
        self._forward: list[CallSite] = []
        self._backward: list[CallSite] = []
        if library is None:
            return
        if dropping is None:
            scale = hidden[0].new_ones(len(hidden[0]))
            self._forward = [CallSite(library["bias_relu"]) for _ in hidden]
        else:
            threshold, scale = dropping.thresholds, dropping.scale
            self._forward = [
                CallSite(library["bias_relu_dropout"], drawn, threshold, scale) for drawn in dropping.drawn
            ]
        self._backward = [CallSite(library["relu_back"], scale) for _ in hidden]

    def forward(self, layer: int, hidden: Tensor, bias: Tensor) -> None:
        """See `Activation`."""
        if self._forward:
            self._forward[layer](hidden, _in_every_row(bias, hidden))
        else:
            super().forward(layer, hidden, bias)

    def backward(self, layer: int, hidden: Tensor, dhidden: Tensor, dbias: Tensor) -> None:
        """See `Activation`."""
        if self._backward:
            self._backward[layer](hidden, dhidden, _in_every_row(dbias, hidden))
        else:
            super().backward(layer, hidden, dhidden, dbias)

    def _apply(self, layer: int, hidden: Tensor) -> None:  # noqa: ARG002
        hidden.clamp_(min=0)

    def _carry_back(self, layer: int, hidden: Tensor, dhidden: Tensor) -> None:  # noqa: ARG002
        zero_where_not_positive(dhidden, hidden, out=dhidden)
        if self._dropping is not None:
            self._dropping.rescale(dhidden)


def _in_every_row(bias: Tensor, hidden: Tensor) -> Tensor:
    """(M, H) as kernels take it beside (M, N, H)."""
    return bias.unsqueeze(1).expand_as(hidden)


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


class Smooth(Activation):
    """A function that is not ReLU. What it was applied to is kept for the way back.

    Args:
        function: The function: torch's fused operations, which `fcsearch check` holds to the plain net's formulas.
        hidden: As in Activation, like the other arguments.
    """

    def __init__(
        self,
        function: Function,
        hidden: Sequence[Tensor],
        dropping: Dropping | None = None,
        *,
        trained: bool = True,
    ) -> None:
        super().__init__(hidden, dropping, trained=trained)
        self._function = function
        self._kept = [torch.empty_like(h) for h in hidden] if trained else []

    def _apply(self, layer: int, hidden: Tensor) -> None:
        if self._kept:
            self._kept[layer].copy_(hidden)
        self._function.apply(hidden)

    def _carry_back(self, layer: int, hidden: Tensor, dhidden: Tensor) -> None:  # noqa: ARG002
        if self._dropping is not None:
            self._dropping.drop_alike(layer, dhidden)
        self._function.carry_back(dhidden, self._kept[layer])


# Each is made of hidden layers and what drops units of them, as Activation is.
ACTIVATIONS: dict[str, Callable[..., Activation]] = {
    "relu": Relu,
    "leaky_relu": functools.partial(Smooth, _LEAKY_RELU),
    "gelu": functools.partial(Smooth, _GELU),
    "selu": functools.partial(Smooth, _SELU),
}
