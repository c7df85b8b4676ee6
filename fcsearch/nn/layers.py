"""The layers of a fully connected network, each with its forward and its backward pass written out.

Shapes. N is the number of rows, D the values in a row, H the units of a layer, M the members of a pack. A layer is used
in one of two ways, and the weights say which:

- plain: `w` (D, H), `b` (H,). `x` is (N, D) or (N, d1, ..., dk) with d1 * ... * dk = D.
- with a leading member axis: `w` (M, D, H), `b` (M, H). `x` is (N, D), shared by all members, or one input for each
  member, (M, N, D) or (M, N, d1, ..., dk). A shared `x` has two dimensions, never more: flatten images first.

No layer writes to a tensor that its caller gave it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from fcsearch.errors import ConfigError
from fcsearch.nn.options import one_of


class LinearCache(NamedTuple):
    """What Linear.backward reads: the inputs of the forward pass."""

    x: Tensor
    w: Tensor
    b: Tensor


class Linear:
    """An affine layer: out = x w + b."""

    @staticmethod
    def forward(x: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, LinearCache]:
        """Multiply by the weights and add the bias.

        Args:
            x: (N, d1, ..., dk); with a member axis (N, D) or (M, N, d1, ..., dk).
            w: (D, H); with a member axis (M, D, H).
            b: (H,); with a member axis (M, H).

        Returns:
            out of shape (N, H), or (M, N, H), and the cache.
        """
        return torch.matmul(_rows(x, w), w) + b.unsqueeze(-2), LinearCache(x, w, b)

    @staticmethod
    def backward(dout: Tensor, cache: LinearCache) -> tuple[Tensor, Tensor, Tensor]:
        """Carry a gradient back through the layer.

        Args:
            dout: Gradient of the loss by the output, (N, H) or (M, N, H).
            cache: From the forward pass.

        Returns:
            dx, dw, db, each of the shape of x, w, b. The dx of a shared x is the sum over the members.
        """
        dw, db = Linear.backward_params(dout, cache)
        dx = torch.matmul(dout, cache.w.mT)
        if cache.w.dim() == 3 and cache.x.dim() == 2:
            dx = dx.sum(dim=0)
        return dx.reshape(cache.x.shape), dw, db

    @staticmethod
    def backward_params(dout: Tensor, cache: LinearCache) -> tuple[Tensor, Tensor]:
        """Compute dw and db alone: what the first layer of a network needs, whose dx nobody reads.

        Args:
            dout: Gradient of the loss by the output, (N, H) or (M, N, H).
            cache: From the forward pass.

        Returns:
            dw and db, of the shapes of w and b.
        """
        return torch.matmul(_rows(cache.x, cache.w).mT, dout), dout.sum(dim=-2)


def _rows(x: Tensor, w: Tensor) -> Tensor:
    """Flatten every row: to (N, D), or to (M, N, D) where each member has its own input."""
    return x.flatten(start_dim=2 if w.dim() == 3 and x.dim() > 2 else 1)


class ReLU:
    """max(0, x), element by element, so that any leading axis is fine."""

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
        """Return dw and db alone; arguments and shapes as in Linear.backward_params."""
        return Linear.backward_params(ReLU.backward(dout, cache.relu), cache.linear)


class Dropout:
    """Inverted dropout: p is the probability of dropping a unit, and what is kept is scaled by 1 / (1 - p)."""

    @staticmethod
    def forward(x: Tensor, dropout_param: Mapping[str, Any]) -> tuple[Tensor, Tensor | None]:
        """Drop units while training; pass everything on while testing.

        Args:
            x: Any shape; with a member axis (M, N, H).
            dropout_param: `mode`: `train` or `test`; `p`: a number in [0, 1), or a tensor (M,) of one for each member;
                `seed` (optional): an integer; with it the mask is the same at every call.

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


def _mask(x: Tensor, p: float | Tensor, seed: int | None) -> Tensor:
    """Draw 0 with probability p and 1 / (1 - p) otherwise, for every element of x and in its dtype.

    The draw is made in float32 whatever the dtype, so that networks of either dtype drop the same units.
    """
    if isinstance(p, Tensor):
        p = p.reshape(p.shape + (1,) * (x.dim() - p.dim()))
    elif not 0 <= p < 1:
        raise ConfigError(f"dropout p must be in [0, 1): the probability of dropping a unit; found {p!r}")
    source = None if seed is None else torch.Generator(x.device).manual_seed(seed)
    draw = torch.rand(x.shape, generator=source, device=x.device, dtype=torch.float32)
    return (draw >= p).to(x.dtype) / (1 - p)
