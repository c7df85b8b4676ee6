"""Activations: what follows the product of a hidden layer, element by element, each with its backward pass.

Another one is a class like ReLU here, an entry in ACTIVATIONS, and its stacked form in `fcsearch.training.engine`.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Activation(Protocol):
    """A function of one value, and its derivative."""

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Tensor]:
        """From x, of any shape, to the output, of the same shape, and the cache."""

    @staticmethod
    def backward(dout: Tensor, cache: Tensor) -> Tensor:
        """From the gradient of the loss by the output to that by x, both of the shape of x."""


class ReLU:
    """max(0, x), element by element."""

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Tensor]:
        """Replace negative values by zero.

        Args:
            x: Any shape.

        Returns:
            out of the same shape, and the cache: x.
        """
        return torch.relu(x), x

    @staticmethod
    def backward(dout: Tensor, cache: Tensor) -> Tensor:
        """Pass the gradient where x was above zero; at exactly zero it is stopped, as torch.relu has it.

        Args:
            dout: Gradient of the loss by the output, of the shape of x.
            cache: x, or the output of the forward pass, which is positive in the same places.

        Returns:
            dx, of the shape of x.
        """
        return torch.where(cache > 0, dout, torch.zeros_like(dout))


ACTIVATIONS: dict[str, type[Activation]] = {"relu": ReLU}
