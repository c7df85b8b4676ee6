"""The periodic embedding of all members of a lane at once: the same mathematics as `fcsearch.nn.embedding`.

The members share the rows, but each has frequencies and weights of its own. Shapes: M members, N rows, P numbers in a
row, K frequencies of a number, E features that it becomes, D features of a row.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fcsearch.nn.embedding import BIASES, FREQUENCIES, WEIGHTS
from fcsearch.training.engine.buffers import Buffers
from fcsearch.training.engine.masks import zero_where_not_positive


class StackedEmbedding:
    """Embeds the numbers of N rows, into buffers that are made once.

    Args:
        weights: The members' parameters; they are read, never written.
        rows: Number of rows N.
        gradients: Where `backward` leaves gradients; None if nothing is trained.
    """

    def __init__(self, weights: Buffers, rows: int, gradients: Buffers | None) -> None:
        embedding = weights.shape.embedding
        assert embedding is not None
        self._weights = weights
        self._gradients = gradients
        self._sizes = members, numbers, frequencies, dim = (
            weights.members, embedding.numbers, embedding.frequencies, embedding.dim,
        )  # fmt: skip
        make = weights.wide.new_empty
        self._x = make(numbers, rows, 1)
        self._phases = make(members, numbers, rows, frequencies)
        self._waves = make(members, numbers, rows, 2 * frequencies)
        self._hidden = make(members * numbers, rows, dim)
        self._out = make(members, rows, weights.shape.dims[0])
        if gradients is not None:
            self._dhidden = torch.empty_like(self._hidden)
            self._dwaves = torch.empty_like(self._waves)
            self._ones = make(members * numbers, 1, rows).fill_(1)

    def forward(self, x: Tensor) -> Tensor:
        """The features (M, N, P E + D - P) of the shared rows `x` (N, D), in a buffer that the next call overwrites."""
        members, numbers, frequencies, dim = self._sizes
        torch.mul(x[:, :numbers].t().unsqueeze(2), 2 * math.pi, out=self._x)
        torch.mul(self._x, self._weights.part(FREQUENCIES).unsqueeze(2), out=self._phases)
        torch.cos(self._phases, out=self._waves[..., :frequencies])
        torch.sin(self._phases, out=self._waves[..., frequencies:])
        biases = self._weights.part(BIASES).reshape(-1, 1, dim)
        torch.baddbmm(biases, self._waves.flatten(0, 1), self._by_number(WEIGHTS), out=self._hidden)
        self._embedded(self._out).copy_(self._hidden.clamp_min_(0).view(members, numbers, -1, dim))
        self._out[..., numbers * dim :] = x[:, numbers:]
        return self._out

    def backward(self, dout: Tensor) -> None:
        """Carry the gradient by the features, (M, N, P E + D - P), back to the parameters."""
        members, _, frequencies, _ = self._sizes
        dhidden = self._dhidden.copy_(self._embedded(dout).flatten(0, 1))
        zero_where_not_positive(dhidden, self._hidden, out=dhidden)
        self._leave(BIASES, torch.bmm(self._ones, dhidden))
        self._leave(WEIGHTS, torch.bmm(self._waves.flatten(0, 1).mT, dhidden))
        torch.bmm(dhidden, self._by_number(WEIGHTS).mT, out=self._dwaves.flatten(0, 1))
        cosines, sines = torch.split(self._waves, frequencies, dim=3)
        dcosines, dsines = torch.split(self._dwaves, frequencies, dim=3)
        dphases = torch.mul(dsines, cosines, out=self._phases).addcmul_(dcosines, sines, value=-1)
        x = self._x.mT.expand(members, -1, -1, -1).flatten(0, 1)
        self._leave(FREQUENCIES, torch.bmm(x, dphases.flatten(0, 1)))

    def _embedded(self, features: Tensor) -> Tensor:
        """Of features (M, N, P E + D - P) those of the numbers: a view (M, P, N, E)."""
        members, numbers, _, dim = self._sizes
        return features[..., : numbers * dim].view(members, -1, numbers, dim).transpose(1, 2)

    def _by_number(self, name: str) -> Tensor:
        """A parameter (M, P, ...) as a batch (M P, ...)."""
        return self._weights.part(name).flatten(0, 1)

    def _leave(self, name: str, gradient: Tensor) -> None:
        """Put a gradient (M P, ...) where it belongs."""
        assert self._gradients is not None
        into = self._gradients.part(name)
        into.copy_(gradient.view(into.shape))
