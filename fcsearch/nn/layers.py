"""The layers of a fully connected network, each with its forward and its backward pass written out.

Shapes: N is the number of rows, D the values in a row, H the units of a layer. No layer writes to its arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from fcsearch.errors import ConfigError
from fcsearch.nn.activations import ReLU
from fcsearch.nn.option_checks import one_of


class LinearCache(NamedTuple):
    """What the backward pass of a linear layer reads: the inputs of the forward pass."""

    x: Tensor
    w: Tensor
    b: Tensor


class Linear:
    """An affine layer: out = x w + b."""

    @staticmethod
    def forward(x: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, LinearCache]:
        """Multiply by the weights and add the bias.

        Args:
            x: (N, D) or (N, d1, ..., dk) with d1 * ... * dk = D.
            w: (D, H).
            b: (H,).

        Returns:
            out of shape (N, H), and the cache.
        """
        return x.flatten(1) @ w + b, LinearCache(x, w, b)

    @staticmethod
    def backward(dout: Tensor, cache: LinearCache) -> tuple[Tensor, Tensor, Tensor]:
        """Carry a gradient back through the layer.

        Args:
            dout: Gradient of the loss by the output, (N, H).
            cache: From the forward pass.

        Returns:
            dx, dw, db, each of the shape of x, w, b.
        """
        dw, db = Linear.backward_params(dout, cache)
        dx = (dout @ cache.w.T).reshape(cache.x.shape)
        return dx, dw, db

    @staticmethod
    def backward_params(dout: Tensor, cache: LinearCache) -> tuple[Tensor, Tensor]:
        """Compute only dw and db: enough for the first layer of a network, whose dx is not needed.

        Args:
            dout: Gradient of the loss by the output, (N, H).
            cache: From the forward pass.

        Returns:
            dw and db, of the shapes of w and b.
        """
        return cache.x.flatten(1).T @ dout, dout.sum(dim=0)


class LinearReLUCache(NamedTuple):
    """What Linear_ReLU.backward reads."""

    linear: LinearCache
    relu: Tensor


class Linear_ReLU:
    """Linear, then ReLU."""

    @staticmethod
    def forward(x: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, LinearReLUCache]:
        """Run both layers; arguments and shapes as in Linear.forward."""
        hidden, linear_cache = Linear.forward(x, w, b)
        out, relu_cache = ReLU.forward(hidden)
        return out, LinearReLUCache(linear_cache, relu_cache)

    @staticmethod
    def backward(dout: Tensor, cache: LinearReLUCache) -> tuple[Tensor, Tensor, Tensor]:
        """Return dx, dw, db; arguments and shapes as in Linear.backward."""
        return Linear.backward(ReLU.backward(dout, cache.relu), cache.linear)

    @staticmethod
    def backward_params(dout: Tensor, cache: LinearReLUCache) -> tuple[Tensor, Tensor]:
        """Return only dw and db; arguments and shapes as in Linear.backward_params."""
        return Linear.backward_params(ReLU.backward(dout, cache.relu), cache.linear)


class Dropout:
    """Inverted dropout: p is the probability of dropping a unit; units that are kept are scaled by 1 / (1 - p)."""

    @staticmethod
    def forward(x: Tensor, dropout_param: Mapping[str, Any]) -> tuple[Tensor, Tensor | None]:
        """Drop units while training; pass everything on while testing.

        Args:
            x: Any shape.
            dropout_param: `mode`: `train` or `test`; `p`: a number in [0, 1); `seed` (optional): an integer; with it
                the mask is the same at every call.

        Returns:
            out, of the shape of x, and the cache: the scaled mask, of the shape and dtype of x, or None in test mode,
            where out is x itself.

        Raises:
            ConfigError: an unknown key or mode, or a p outside [0, 1).
        """
        one_of("dropout_param key", dropout_param, ("mode", "p", "seed"))
        one_of("dropout mode", [dropout_param["mode"]], ("train", "test"))
        if dropout_param["mode"] == "test":
            return x, None
        mask = _mask(x, dropout_param["p"], dropout_param.get("seed"))
        return x * mask, mask

    @staticmethod
    def backward(dout: Tensor, cache: Tensor | None) -> Tensor:
        """Scale the gradient by the mask of the forward pass.

        Args:
            dout: Gradient of the loss by the output, of the shape of x.
            cache: From the forward pass.

        Returns:
            dx, of the shape of x; in test mode dout itself.
        """
        return dout if cache is None else dout * cache


def _mask(x: Tensor, p: float, seed: int | None) -> Tensor:
    """Draw 0 with probability p and 1 / (1 - p) otherwise, for every element of x and in its dtype.

    The draw is made in float32 whatever the dtype, so that networks of either dtype drop the same units.
    """
    if not 0 <= p < 1:
        raise ConfigError(f"dropout p must be in [0, 1): the probability of dropping a unit; found {p!r}")
    source = None if seed is None else torch.Generator(x.device).manual_seed(seed)
    draw = torch.rand(x.shape, generator=source, device=x.device, dtype=torch.float32)
    return (draw >= p).to(x.dtype) / (1 - p)
