"""Forward and backward passes of all members of a lane at once, into buffers that are made once.

The same mathematics as `fcsearch.nn.layers`, with which `fcsearch check` and the tests compare each member. The
differences are for speed on a GPU: the first layers are side by side in one product, activations work in place, the
gradient of the input is never computed, and scores are class-first (M, C, N), as the losses take them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fcsearch.training.engine.activations import ACTIVATIONS, Relu
from fcsearch.training.engine.buffers import Buffers


class StackedNet:
    """The nets of a lane's M members on N rows.

    Args:
        weights: The members' parameters; they are read, never written.
        rows: Number of rows N of every input.
        gradients: Where `backward` leaves gradients; None for a net that is only evaluated.
        activation: What follows the products of hidden layers, by its name in ACTIVATIONS.

    Attributes:
        scores: (M, C, N), of the last `forward`.
        hidden: Each hidden layer after its activation, (M, N, H).
        activation: What follows the products of hidden layers; may be set to its form with dropout.
    """

    def __init__(
        self, weights: Buffers, rows: int, gradients: Buffers | None = None, *, activation: str = "relu"
    ) -> None:
        shape, members = weights.shape, weights.members
        make = weights.wide.new_empty
        self.depth = len(shape.layers)
        self._weights = weights
        self.scores = make(members, shape.num_classes, rows)
        # The first hidden layer is (N, M, H) in memory, as the wide product leaves it; all are seen as (M, N, H).
        self.hidden = [make(rows, members, h).transpose(0, 1) for h in shape.hidden_dims[:1]]
        self.hidden += [make(members, rows, h) for h in shape.hidden_dims[1:]]
        self.activation: Relu = ACTIVATIONS[activation].plain(self.hidden if gradients is not None else ())
        if gradients is not None:
            self._gradients = gradients
            self._dhidden = [torch.empty_like(h) for h in self.hidden]
            self._ones = torch.ones_like(self.scores[:, :1])

    def forward(self, x: Tensor) -> Tensor:
        """Scores (M, C, N) of the shared rows `x` (N, D), in a buffer that the next call overwrites."""
        w1, b1 = self._weights.weight(0).flatten(1), self._weights.bias(0).flatten()
        if self.depth == 1:
            torch.addmm(b1.unsqueeze(1), w1.t(), x.t(), out=self.scores.flatten(0, 1))
            return self.scores
        self.activation.draw()
        torch.addmm(b1, x, w1, out=_rows_first(self.hidden[0]))
        self.activation.forward(0, self.hidden[0])
        for layer in range(1, self.depth - 1):
            w, b = self._weights.weight(layer), self._weights.bias(layer)
            torch.baddbmm(b.unsqueeze(1), self.hidden[layer - 1], w, out=self.hidden[layer])
            self.activation.forward(layer, self.hidden[layer])
        w, b = self._weights.weight(self.depth - 1), self._weights.bias(self.depth - 1)
        return torch.baddbmm(b.unsqueeze(2), w.mT, self.hidden[-1].mT, out=self.scores)

    def backward(self, x: Tensor) -> None:
        """Carry the gradient, which stands in `scores`, back; `x` (N, D) are the rows of the last `forward`."""
        dout = self.scores.mT
        for layer in range(self.depth - 1, 0, -1):
            torch.bmm(self.hidden[layer - 1].mT, dout, out=self._gradients.weight(layer))
            self._sum_rows(dout, self._gradients.bias(layer))
            dout = torch.bmm(dout, self._weights.weight(layer).mT, out=self._dhidden[layer - 1])
            self.activation.backward(layer - 1, self.hidden[layer - 1], dout)
        self._sum_rows(dout, self._gradients.bias(0))
        # The gradient by the first layer's output, as the wide product takes it: (N, M * H).
        first = _rows_first(dout) if self.hidden else self.scores.flatten(0, 1).t()
        torch.mm(x.t(), first, out=self._gradients.weight(0).flatten(1))

    def _sum_rows(self, dout: Tensor, out: Tensor) -> None:
        # As a product, because the order in which torch.sum adds depends on how many members there are.
        torch.bmm(self._ones, dout, out=out.unsqueeze(1))


def _rows_first(hidden: Tensor) -> Tensor:
    """The first hidden layer (M, N, H) as the wide product sees it: (N, M * H)."""
    return hidden.transpose(0, 1).flatten(1)
