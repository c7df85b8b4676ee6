"""Learned periodic embeddings of numbers: each number becomes a few features before the first hidden layer.

The embedding PLR ("periodic, linear, ReLU") of Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular
Deep Learning" (arXiv 2203.05556): cosines and sines of learned frequencies, a linear layer of each number's own, ReLU.

Shapes: N rows, P numbers in a row, K frequencies of a number, E features that it becomes.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from fcsearch.nn.activations import ReLU
from fcsearch.nn.layers import LinearCache
from fcsearch.nn.option_checks import number

# Its parameters: the frequencies, and the weights and biases of the linear layers.
EMBEDDING_NAMES = FREQUENCIES, WEIGHTS, BIASES = "f0", "W0", "b0"
# Standard deviation of the initial frequencies, where none is given.
FREQUENCY_SCALE = 0.5


@dataclasses.dataclass(frozen=True)
class Embedding:
    """The sizes of an embedding.

    Attributes:
        numbers: P: the first so many values of a row are embedded, the others are passed on.
        frequencies: K, of each number.
        dim: E, features that each number becomes.

    Raises:
        ConfigError: a size below 1.
    """

    numbers: int
    frequencies: int
    dim: int

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            number(f"embedding {name}", value, minimum=1, whole=True)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each of its parameters."""
        return {
            FREQUENCIES: (self.numbers, self.frequencies),
            WEIGHTS: (self.numbers, 2 * self.frequencies, self.dim),
            BIASES: (self.numbers, self.dim),
        }

    def width(self, input_dim: int) -> int:
        """Features of a row of so many values after the embedding."""
        return input_dim + self.numbers * (self.dim - 1)

    @classmethod
    def of_numbers(cls, numbers: int, sizes: tuple[int, int] | None) -> Embedding | None:
        """That of so many numbers by sizes K and E; None without sizes, or where there are no numbers."""
        return cls(numbers, *sizes) if sizes and numbers else None

    @classmethod
    def of(cls, params: Mapping[str, Tensor]) -> Embedding | None:
        """The sizes of the embedding among the parameters of a network; None if it has none."""
        if FREQUENCIES not in params:
            return None
        numbers, frequencies = params[FREQUENCIES].shape
        return cls(numbers, frequencies, params[WEIGHTS].shape[2])


class PeriodicCache(NamedTuple):
    """What Periodic.backward reads."""

    x: Tensor
    f: Tensor
    out: Tensor


class Periodic:
    """Cosines and sines: out = [cos(2 pi f x), sin(2 pi f x)]."""

    @staticmethod
    def forward(x: Tensor, f: Tensor) -> tuple[Tensor, PeriodicCache]:
        """Compute the waves of each number.

        Args:
            x: (N, P).
            f: (P, K), frequencies in periods per unit of x.

        Returns:
            out of shape (N, P, 2 K), first the cosines, and the cache.
        """
        phases = 2 * math.pi * x.unsqueeze(2) * f
        out = torch.cat([phases.cos(), phases.sin()], dim=2)
        return out, PeriodicCache(x, f, out)

    @staticmethod
    def backward(dout: Tensor, cache: PeriodicCache) -> tuple[Tensor, Tensor]:
        """Carry a gradient back through the layer.

        Args:
            dout: Gradient of the loss by the output, (N, P, 2 K).
            cache: From the forward pass.

        Returns:
            dx and df, of the shapes of x and f.
        """
        cosines, sines = cache.out.chunk(2, dim=2)
        dcosines, dsines = dout.chunk(2, dim=2)
        dphases = 2 * math.pi * (dsines * cosines - dcosines * sines)
        return (dphases * cache.f).sum(dim=2), (dphases * cache.x.unsqueeze(2)).sum(dim=0)


class NumberwiseLinear:
    """An affine layer of each number's own: out[:, p] = x[:, p] w[p] + b[p]."""

    @staticmethod
    def forward(x: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, LinearCache]:
        """Multiply by each number's weights and add its bias.

        Args:
            x: (N, P, K).
            w: (P, K, E).
            b: (P, E).

        Returns:
            out of shape (N, P, E), and the cache.
        """
        return torch.einsum("npk,pke->npe", x, w) + b, LinearCache(x, w, b)

    @staticmethod
    def backward(dout: Tensor, cache: LinearCache) -> tuple[Tensor, Tensor, Tensor]:
        """Carry a gradient back through the layer.

        Args:
            dout: Gradient of the loss by the output, (N, P, E).
            cache: From the forward pass.

        Returns:
            dx, dw, db, each of the shape of x, w, b.
        """
        dx = torch.einsum("npe,pke->npk", dout, cache.w)
        dw = torch.einsum("npk,npe->pke", cache.x, dout)
        return dx, dw, dout.sum(dim=0)


class EmbeddedCache(NamedTuple):
    """What PeriodicEmbedding.backward reads."""

    periodic: PeriodicCache
    linear: LinearCache
    relu: Tensor


class PeriodicEmbedding:
    """Periodic, NumberwiseLinear, and ReLU, on the first P of a row's D values; the others are passed on behind it."""

    @staticmethod
    def forward(x: Tensor, f: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, EmbeddedCache]:
        """Embed the numbers of rows.

        Args:
            x: (N, D) with D at least P.
            f: (P, K).
            w: (P, 2 K, E).
            b: (P, E).

        Returns:
            out of shape (N, P E + D - P), and the cache.
        """
        numbers = len(f)
        waves, periodic = Periodic.forward(x[:, :numbers], f)
        hidden, linear = NumberwiseLinear.forward(waves, w, b)
        embedded, relu = ReLU.forward(hidden)
        return torch.cat([embedded.flatten(1), x[:, numbers:]], dim=1), EmbeddedCache(periodic, linear, relu)

    @staticmethod
    def backward(dout: Tensor, cache: EmbeddedCache) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Carry a gradient back through the embedding.

        Args:
            dout: Gradient of the loss by the output, (N, P E + D - P).
            cache: From the forward pass.

        Returns:
            dx, df, dw, db, each of the shape of x, f, w, b.
        """
        embedded = cache.relu.flatten(1).shape[1]
        dhidden = ReLU.backward(dout[:, :embedded].reshape(cache.relu.shape), cache.relu)
        dwaves, dw, db = NumberwiseLinear.backward(dhidden, cache.linear)
        dnumbers, df = Periodic.backward(dwaves, cache.periodic)
        return torch.cat([dnumbers, dout[:, embedded:]], dim=1), df, dw, db
