"""What happens to a hidden layer after its product: ReLU, and dropout for a lane in which some member drops units.

One draw of random bits serves every member, each with its own threshold. ReLU and dropout set units to exactly 0 and
leave those that pass above 0, so one comparison with 0 serves the backward pass of both.

Another activation is a pair of classes like these, and an entry in ACTIVATIONS; a kernel in native/ makes it faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fcsearch.training.engine.masks import RandomBits, thresholds_and_scales, zero_where_not_positive
from fcsearch.training.engine.native import CallSite, kernels


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
        zero_where_not_positive(dhidden, hidden, out=dhidden)


class ReluDropout(Relu):
    """ReLU and inverted dropout of M members whose draws are shared, since they carry one seed.

    Args:
        rates: Probability of dropping, one a member.
        hidden: The layers that are dropped, each (M, N, H); they give shapes and memory layouts.
        seed: Key of the draws.
    """

    def __init__(self, rates: Sequence[float], hidden: Sequence[Tensor], *, seed: int) -> None:
        first = hidden[0]
        sizes = [h.shape[1] * h.shape[2] for h in hidden]
        self._bits = RandomBits(sum(sizes), seed=seed, purpose="dropout", device=first.device)
        self._drawn = [
            bits.view(h.shape[1:]) for bits, h in zip(torch.split(self._bits.values, sizes), hidden, strict=True)
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

    def start_epoch(self, epoch: int) -> None:
        """Begin the draws of an epoch (from 1)."""
        self._bits.start_epoch(epoch)

    def draw(self) -> None:
        """Draw the bits of one step."""
        self._bits.draw()

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


@dataclass(frozen=True)
class Forms:
    """An activation as a lane runs it: alone, and with dropout after it."""

    plain: type[Relu]
    dropped: type[ReluDropout]


ACTIVATIONS: dict[str, Forms] = {"relu": Forms(Relu, ReluDropout)}
