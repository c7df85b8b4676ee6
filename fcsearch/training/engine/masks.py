"""Dropout masks: sixteen random bits decide on each unit, so a rate is met to within 2**-17.

On a CPU random numbers cost as much as the products of a small net: raw bits are drawn, four units at a time, and
compared with a threshold.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fcsearch.nn.random import key

_LOWEST = torch.iinfo(torch.int64).min


class RandomBits:
    """Sixteen random bits for each of some units, redrawn at every step.

    The bits of an epoch depend on the seed, the purpose, the epoch and the number of units alone; so a pack that is
    resumed after an epoch needs no generator state.

    Args:
        count: Number of units.
        seed: Seed of the draws.
        purpose: What they are for.
        device: Where they are drawn.

    Attributes:
        values: (count,) int16: the bits of the last draw.
        generator: What they are drawn by.
    """

    def __init__(self, count: int, *, seed: int, purpose: str, device: torch.device) -> None:
        self._key = seed, purpose
        self.generator = torch.Generator(device)
        self._words = torch.empty(-(-count // 4), dtype=torch.int64, device=device)
        self.values = self._words.view(torch.int16)[:count]

    def start_epoch(self, epoch: int) -> None:
        """Begin the draws of an epoch (from 1)."""
        self.generator.manual_seed(key(*self._key, epoch))

    def draw(self) -> None:
        """Draw the bits of one step."""
        self._words.random_(_LOWEST, None, generator=self.generator)

    def draw_ahead(self, steps: int) -> Tensor:
        """Draw the bits of so many steps, on a CPU those that `draw` would: (steps, count or a few more)."""
        words = self._words.new_empty(steps, len(self._words))
        return words.random_(_LOWEST, None, generator=self.generator).view(torch.int16)


def thresholds_and_scales(rates: Sequence[float], like: Tensor) -> tuple[Tensor, Tensor]:
    """What to compare the bits with, and what to scale units by that stay: one value for each rate, (rates,) both.

    A unit stays where its int16 draw is above the threshold.
    """
    dropped = torch.tensor(rates, dtype=torch.float64)
    # The half keeps a draw from being equal to the threshold.
    return (dropped * 2**16 - 2**15 - 0.5).to(like), (1 - dropped).reciprocal().to(like)


def zero_where_not_positive(values: Tensor, condition: Tensor, *, out: Tensor) -> None:
    """Put `values`, or 0 if `condition` <= 0, into `out`: one pass, where a boolean mask would be slow on a CPU."""
    torch.ops.aten.threshold_backward.grad_input(values, condition, 0.0, grad_input=out)
