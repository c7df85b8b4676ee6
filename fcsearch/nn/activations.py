"""Activations of hidden layers: elementwise functions, each with its backward pass.

To add one, write a class like ReLU here, an entry in ACTIVATIONS, and its stacked form in `fcsearch.training.engine`.
"""

from __future__ import annotations

import math
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
        """From the gradient of the loss with respect to the output to that for x, both of the shape of x."""


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
        """Pass the gradient where x was above zero; at exactly zero it is stopped, as in torch.relu.

        Args:
            dout: Gradient of the loss by the output, of the shape of x.
            cache: x, or the output of the forward pass, which is positive in the same places.

        Returns:
            dx, of the shape of x.
        """
        return torch.where(cache > 0, dout, torch.zeros_like(dout))


class LeakyReLU:
    """x above zero and SLOPE * x elsewhere (Maas et al. 2013)."""

    SLOPE = 0.01

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Tensor]:
        """Flatten negative values; shapes and cache as in ReLU."""
        return torch.where(x > 0, x, LeakyReLU.SLOPE * x), x

    @staticmethod
    def backward(dout: Tensor, cache: Tensor) -> Tensor:
        """Scale the gradient by SLOPE where x was not above zero; the cache may be the output, as in ReLU."""
        return torch.where(cache > 0, dout, LeakyReLU.SLOPE * dout)


class GELU:
    """x * Phi(x), where Phi is the standard normal distribution function (Hendrycks & Gimpel 2016); exact, by erf."""

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Tensor]:
        """Multiply each value by Phi of it; shapes and cache as in ReLU."""
        return x * GELU._phi(x), x

    @staticmethod
    def backward(dout: Tensor, cache: Tensor) -> Tensor:
        """Scale the gradient by Phi(x) + x * phi(x), phi the density; the cache is x."""
        density = torch.exp(-cache.square() / 2) / math.sqrt(2 * math.pi)
        return dout * (GELU._phi(cache) + cache * density)

    @staticmethod
    def _phi(x: Tensor) -> Tensor:
        return (1 + torch.erf(x / math.sqrt(2))) / 2


class SELU:
    """SCALE * x above zero, SCALE * ALPHA * (exp(x) - 1) elsewhere (Klambauer et al. 2017)."""

    ALPHA = 1.6732632423543772848170429916717
    SCALE = 1.0507009873554804934193349852946

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Tensor]:
        """Bend negative values towards -SCALE * ALPHA; the cache is the output, from which the slope follows."""
        out = SELU.SCALE * torch.where(x > 0, x, SELU.ALPHA * torch.expm1(x))
        return out, out

    @staticmethod
    def backward(dout: Tensor, cache: Tensor) -> Tensor:
        """Scale the gradient by SCALE where the output was above zero, else by output + SCALE * ALPHA."""
        return dout * torch.where(cache > 0, SELU.SCALE, cache + SELU.SCALE * SELU.ALPHA)


ACTIVATIONS: dict[str, type[Activation]] = {"relu": ReLU, "leaky_relu": LeakyReLU, "gelu": GELU, "selu": SELU}
