"""Forward and backward passes of all members of a lane at once, into buffers that are made once.

The same mathematics as `fcsearch.nn.layers`, with which `fcsearch check` and the tests compare each member. The
differences are for speed on a GPU: the first layers are side by side in one product, activations work in place, the
gradient of the input is never computed, and scores are class-first (M, C, N), as the losses take them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fcsearch.training.engine.activations import ACTIVATIONS, Activation, RowSums
from fcsearch.training.engine.buffers import Buffers
from fcsearch.training.engine.embedding import StackedEmbedding


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
        activation: What follows the products of hidden layers; may be set to one that drops units.
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
        self.activation: Activation = ACTIVATIONS[activation](self.hidden, trained=gradients is not None)
        if gradients is not None:
            self._gradients = gradients
            self._dhidden = [torch.empty_like(h) for h in self.hidden]
            self._sums = RowSums(self.scores.mT)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (M, C, N) of the shared rows `x` (N, D), in a buffer that the next call overwrites."""
        if self.depth == 1:
            return self._score(x)
        self.activation.draw()
        self._enter(x)
        self.activation.forward(0, self.hidden[0], self._weights.bias(0))
        for layer in range(1, self.depth - 1):
            self._multiply(layer, self.hidden[layer - 1])
            self.activation.forward(layer, self.hidden[layer], self._weights.bias(layer))
        return self._score_by_member(self.hidden[-1])

    def backward(self, x: Tensor) -> None:
        """Carry the gradient, which stands in `scores`, back; `x` (N, D) are the rows of the last `forward`."""
        dout = self.scores.mT
        self._sums.put(dout, self._gradients.bias(self.depth - 1))
        for layer in range(self.depth - 1, 0, -1):
            hidden = self.hidden[layer - 1]
            torch.bmm(hidden.mT, dout, out=self._gradients.weight(layer))
            dout = torch.bmm(dout, self._weights.weight(layer).mT, out=self._dhidden[layer - 1])
            self.activation.backward(layer - 1, hidden, dout, self._gradients.bias(layer - 1))
        self._leave(x, dout)

    def _score(self, x: Tensor) -> Tensor:
        """The scores of a net without hidden layers."""
        w, b = self._weights.weight(0).flatten(1), self._weights.bias(0).flatten()
        torch.addmm(b.unsqueeze(1), w.t(), x.t(), out=self.scores.flatten(0, 1))
        return self.scores

    def _enter(self, x: Tensor) -> None:
        """The product of the first of several layers."""
        torch.mm(x, self._weights.weight(0).flatten(1), out=_rows_first(self.hidden[0]))

    def _leave(self, x: Tensor, dout: Tensor) -> None:
        """The gradient of the first layer's weights, from that by its output (M, N, H)."""
        # As the wide product takes it: (N, M * H).
        first = _rows_first(dout) if self.hidden else self.scores.flatten(0, 1).t()
        torch.mm(x.t(), first, out=self._gradients.weight(0).flatten(1))

    def _multiply(self, layer: int, inputs: Tensor) -> None:
        """The product of a hidden layer (from 0), member by member."""
        torch.bmm(inputs, self._by_member(layer), out=self.hidden[layer])

    def _score_by_member(self, inputs: Tensor) -> Tensor:
        """The scores from what the last layer takes of each member, (M, N, H)."""
        w, b = self._by_member(self.depth - 1), self._weights.bias(self.depth - 1)
        if len(w) == 1 and w.is_cuda:
            # A single product that is so narrow takes cuBLAS ten times as long as its transpose: docs/tried.md.
            self.scores[0].copy_(torch.addmm(b[0], inputs[0], w[0]).t())
            return self.scores
        return torch.baddbmm(b.unsqueeze(2), w.mT, inputs.mT, out=self.scores)

    def _by_member(self, layer: int) -> Tensor:
        """Weights of a layer as (M, inputs, outputs)."""
        weights = self._weights.weight(layer)
        return weights if layer else weights.transpose(0, 1)


class EmbeddedNet(StackedNet):
    """The same behind an embedding, which gives every member rows of its own: no product serves all of them.

    Attributes:
        mask: (N, features) factors of what the embedding makes, for dropout of the input; None: nothing is dropped.
    """

    def __init__(
        self, weights: Buffers, rows: int, gradients: Buffers | None = None, *, activation: str = "relu"
    ) -> None:
        super().__init__(weights, rows, gradients, activation=activation)
        self.mask: Tensor | None = None
        self._embedding = StackedEmbedding(weights, rows, gradients)

    def _score(self, x: Tensor) -> Tensor:
        return self._score_by_member(self._embed(x))

    def _enter(self, x: Tensor) -> None:
        self._multiply(0, self._embed(x))

    def _embed(self, x: Tensor) -> Tensor:
        self._features = self._embedding.forward(x)
        return self._features if self.mask is None else self._features.mul_(self.mask)

    def _leave(self, x: Tensor, dout: Tensor) -> None:  # noqa: ARG002
        self._gradients.weight(0).copy_(torch.bmm(self._features.mT, dout).transpose(0, 1))
        dfeatures = torch.bmm(dout, self._by_member(0).mT)
        self._embedding.backward(dfeatures if self.mask is None else dfeatures.mul_(self.mask))


def stacked_net(
    weights: Buffers, rows: int, gradients: Buffers | None = None, *, activation: str = "relu"
) -> StackedNet:
    """The net of a lane whose members have this shape; arguments as in `StackedNet`."""
    kind = StackedNet if weights.shape.embedding is None else EmbeddedNet
    return kind(weights, rows, gradients, activation=activation)


def _rows_first(hidden: Tensor) -> Tensor:
    """The first hidden layer (M, N, H) as the wide product sees it: (N, M * H)."""
    return hidden.transpose(0, 1).flatten(1)
