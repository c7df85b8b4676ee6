"""What happens to a hidden layer after its product: ReLU, and dropout for a lane in which some member drops units.

One draw of random bits serves every member, each with its own threshold. ReLU and dropout set units to exactly 0 and
leave those that pass above 0, so one comparison with 0 serves the backward pass of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref

import torch
from torch import Tensor

from fcsearch.nn.random import key
from fcsearch.training.native import Layout, kernels, pointer

_LOWEST = torch.iinfo(torch.int64).min


class Relu:
    """ReLU, in place; its gradient at 0 is 0."""

    def start_epoch(self, epoch: int) -> None:
        """Begin an epoch (from 1)."""

    def draw(self) -> None:
        """Begin a step."""

    def forward(self, layer: int, hidden: Tensor) -> None:  # noqa: ARG002
        """Activate a hidden layer (from 0), (M, N, H), in place."""
        hidden.clamp_(min=0)

    def backward(self, layer: int, hidden: Tensor, dhidden: Tensor) -> None:  # noqa: ARG002
        """Carry the gradient of an activated layer back, in place."""
        _zero_where_not_positive(dhidden, hidden)


class ReluDropout(Relu):
    """ReLU and inverted dropout of M members whose draws are shared, since they carry one seed.

    Sixteen random bits decide on a unit, so a rate is met to within 2**-17. The bits of an epoch depend on the seed,
    the epoch, the layers and the batch size alone; so a pack that is resumed after an epoch needs no generator state.

    Args:
        rates: Probability of dropping, one a member.
        hidden: The layers that are dropped, each (M, N, H); they give shapes and memory layouts.
        seed: Key of the draws.
    """

    def __init__(self, rates: Sequence[float], hidden: Sequence[Tensor], *, seed: int) -> None:
        first = hidden[0]
        sizes = [h.shape[1] * h.shape[2] for h in hidden]
        dropped = torch.tensor(rates, dtype=torch.float64)
        self._seed = seed
        self._generator = torch.Generator(first.device)
        self._bits = torch.empty(-(-sum(sizes) // 4), dtype=torch.int64, device=first.device)
        self._drawn = [
            bits.view(h.shape[1:])
            for bits, h in zip(torch.split(self._bits.view(torch.int16)[: sum(sizes)], sizes), hidden, strict=True)
        ]  # one (N, H) for all members
        # A unit stays where its int16 draw is above the threshold; the half keeps the two from being equal.
        self._thresholds = (dropped * 2**16 - 2**15 - 0.5).to(first).view(-1, 1, 1)
        self._scale = (1 - dropped).reciprocal().to(first).view(-1, 1, 1)
        self._kernels = kernels(first.device, first.dtype)
        self._layouts = [Layout.of(h.transpose(0, 1), h.transpose(0, 1)) for h in hidden]
        self._margins = [torch.empty_like(h) for h in hidden] if self._kernels is None else []
        self._settings = (pointer(self._thresholds), pointer(self._scale))
        self._drawn_at = [pointer(drawn) for drawn in self._drawn]

    def start_epoch(self, epoch: int) -> None:
        """Begin the draws of an epoch (from 1)."""
        self._generator.manual_seed(key(self._seed, "dropout", epoch))

    def draw(self) -> None:
        """Draw the bits of one step."""
        self._bits.random_(_LOWEST, None, generator=self._generator)

    def forward(self, layer: int, hidden: Tensor) -> None:
        """Activate a hidden layer, drop units of it, and scale those that stay by 1 / (1 - rate)."""
        if self._kernels is not None:
            layout = byref(self._layouts[layer])
            self._kernels.relu_dropout(layout, pointer(hidden), self._drawn_at[layer], *self._settings)
            return
        margin = self._margins[layer]
        torch.sub(self._drawn[layer].to(margin.dtype), self._thresholds, out=margin)
        hidden.clamp_(min=0)
        _zero_where_not_positive(hidden, margin)
        hidden.mul_(self._scale)

    def backward(self, layer: int, hidden: Tensor, dhidden: Tensor) -> None:
        """Carry the gradient of an activated layer back, in place."""
        if self._kernels is not None:
            layout = byref(self._layouts[layer])
            self._kernels.relu_dropout_backward(layout, pointer(hidden), pointer(dhidden), self._settings[1])
            return
        _zero_where_not_positive(dhidden, hidden)
        dhidden.mul_(self._scale)


def _zero_where_not_positive(values: Tensor, condition: Tensor) -> None:
    """Set `values` to 0 where `condition` <= 0: one pass, where a boolean mask and a product would be slow on a CPU."""
    torch.ops.aten.threshold_backward.grad_input(values, condition, 0.0, grad_input=values)
