"""Dropout of the input: one mask of the shared rows serves all members of a lane."""

from __future__ import annotations

from torch import Tensor

from fcsearch.training.engine.masks import RandomBits, thresholds_and_scales, zero_where_not_positive
from fcsearch.training.engine.native import kernels


class InputDropout:
    """Inverted dropout of the features of a minibatch, into a buffer that is made once.

    Args:
        rate: Probability of dropping a feature, in (0, 1).
        rows: Rows of a minibatch N.
        features: Features of a row D.
        seed: Seed of the draws.
        like: A tensor of the rows' dtype and device.

    Attributes:
        bits: What each step draws.
    """

    def __init__(self, rate: float, rows: int, features: int, *, seed: int, like: Tensor) -> None:
        self.bits = RandomBits(rows * features, seed=seed, purpose="input dropout", device=like.device)
        self._drawn = self.bits.values.view(rows, features)
        self._threshold, self._scale = thresholds_and_scales([rate], like)
        self._out = like.new_empty(rows, features)
        library = kernels(like.device, like.dtype)
        self._kernel = library["dropout"] if library is not None else None
        if self._kernel is not None:
            self._call = self._kernel.bind(
                self._out.view(1, 1, -1), self._drawn.view(1, -1), self._threshold, self._scale
            )

    def apply(self, x: Tensor) -> Tensor:
        """Drop features of the rows of a step, `x` (N, D) contiguous, and scale those that stay by 1 / (1 - rate).

        Returns:
            (N, D), in a buffer that the next call overwrites.
        """
        self.bits.draw()
        if self._kernel is not None:
            self._call(*self._kernel.addresses([x], self._out.shape))
            return self._out
        # The buffer holds the margins first; an elementwise operation may write where it reads.
        margin = self._out.copy_(self._drawn).sub_(self._threshold)
        zero_where_not_positive(x, margin, out=self._out)
        return self._out.mul_(self._scale)
