"""Dropout for a lane: one draw of random bits serves every member, each with its own threshold."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fcsearch.nn.random import key

_LOWEST = torch.iinfo(torch.int64).min


class DropoutMasks:
    """Inverted dropout of M members whose draws are shared (they carry one seed), on hidden layers of N rows.

    Sixteen random bits decide on a unit, so a rate is met to within 2**-17. The bits of an epoch depend on the seed,
    the epoch, the layers and the batch size alone; so a pack that is resumed after an epoch needs no generator state.

    Args:
        rates: Probability of dropping, one a member.
        hidden: The activations that are dropped, each (M, N, H); they give shapes and memory layouts.
        seed: Key of the draws.
    """

    def __init__(self, rates: Sequence[float], hidden: Sequence[Tensor], *, seed: int) -> None:
        first = hidden[0]
        sizes = [h.shape[1] * h.shape[2] for h in hidden]
        kept = torch.tensor([1.0 - rate for rate in rates], dtype=torch.float64)
        self._seed = seed
        self._generator = torch.Generator(first.device)
        self._bits = torch.empty(-(-sum(sizes) // 4), dtype=torch.int64, device=first.device)
        self._noise = torch.empty(sum(sizes), dtype=first.dtype, device=first.device)
        self._layers = [
            noise.view(h.shape[1:]) for noise, h in zip(torch.split(self._noise, sizes), hidden, strict=True)
        ]  # one (N, H) for all members
        self._margins = [torch.empty_like(h) for h in hidden]
        # A unit stays where its int16 draw is above the threshold; the half keeps the two from being equal.
        thresholds = (1.0 - kept) * 2**16 - 2**15 - 0.5
        self._thresholds = thresholds.to(first).view(-1, 1, 1)
        self.scale = kept.reciprocal().to(first).view(-1, 1, 1)

    def start_epoch(self, epoch: int) -> None:
        """Begin the draws of an epoch (from 1)."""
        self._generator.manual_seed(key(self._seed, "dropout", epoch))

    def draw(self) -> None:
        """Draw the bits of one step."""
        self._bits.random_(_LOWEST, None, generator=self._generator)
        self._noise.copy_(self._bits.view(torch.int16)[: len(self._noise)])

    def apply(self, layer: int, hidden: Tensor) -> None:
        """Drop units of a hidden layer (from 0) in place, and scale those that stay by 1 / (1 - rate)."""
        margin = self._margins[layer]
        torch.sub(self._layers[layer], self._thresholds, out=margin)
        # One pass that needs no boolean mask: keep `hidden` where margin > 0, else 0.
        torch.ops.aten.threshold_backward.grad_input(hidden, margin, 0.0, grad_input=hidden)
        hidden.mul_(self.scale)
