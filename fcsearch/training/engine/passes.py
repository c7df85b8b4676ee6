"""Forward and backward passes of all members of a lane at once, into buffers that are made once.

The same mathematics as `fcsearch.nn.layers`, which `fcsearch check` and the tests hold each member to. What is
different is for speed: the first layers stand side by side in one product, activations work in place, the gradient
of the input is never computed, and scores are class-first (M, C, N), since reductions over ten contiguous classes are
slow on a CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fcsearch.training.engine.activations import ACTIVATIONS, Relu
from fcsearch.training.engine.buffers import Block, Buffers


@dataclass(frozen=True)
class _Later:
    """Views of one layer after the first, made once: each costs a microsecond, and a step of a small net a hundred."""

    w: Tensor  # (M, inputs, outputs)
    w_t: Tensor  # (M, outputs, inputs)
    b_row: Tensor  # (M, 1, outputs)
    b_column: Tensor  # (M, outputs, 1)

    @classmethod
    def of(cls, buffers: Buffers, layer: int) -> _Later:
        w, b = buffers.weight(layer), buffers.bias(layer)
        return cls(w, w.mT, b.unsqueeze(1), b.unsqueeze(2))


class StackedNet:
    """The nets of a lane's M members on N rows.

    Args:
        weights: The members' parameters; they are read, never written.
        rows: Number of rows N of every input.
        gradients: Where `backward` and `first_layer` leave gradients; None for a net that is only evaluated.
        blocks: The first layer's, if there are gradients.
        activation: What follows the products of hidden layers, by its name in ACTIVATIONS.

    Attributes:
        scores: (M, C, N), of the last `forward`.
        hidden: Each hidden layer after its activation, (M, N, H).
        activation: What follows the products of hidden layers; may be set to its form with dropout.
    """

    def __init__(
        self,
        weights: Buffers,
        rows: int,
        gradients: Buffers | None = None,
        blocks: Sequence[Block] = (),
        *,
        activation: str = "relu",
    ) -> None:
        shape, members = weights.shape, weights.members
        make = weights.wide.new_empty
        self.depth = len(shape.layers)
        self._w1 = weights.weight(0).flatten(1)
        self._b1 = weights.bias(0).flatten()
        self._later = [_Later.of(weights, layer) for layer in range(1, self.depth)]
        self.scores = make(members, shape.num_classes, rows)
        # The first hidden layer is (N, M, H) in memory, as the wide product leaves it; all are seen as (M, N, H).
        self.hidden = [make(rows, members, h).transpose(0, 1) for h in shape.hidden_dims[:1]]
        self.hidden += [make(members, rows, h) for h in shape.hidden_dims[1:]]
        self.activation: Relu = ACTIVATIONS[activation].plain(self.hidden if gradients is not None else ())
        self._hidden_t = [h.mT for h in self.hidden]
        self._wide = [_rows_first(h) for h in self.hidden[:1]]
        if gradients is not None:
            dw1 = gradients.weight(0).flatten(1)
            self._dw1 = [(block.inputs, dw1[block.gradients.start :]) for block in blocks]
            self._whole = len(blocks) == 1
            self._db1 = gradients.bias(0).unsqueeze(1)
            self._dlater = [_Later.of(gradients, layer) for layer in range(1, self.depth)]
            self._dhidden = [torch.empty_like(h) for h in self.hidden]
            # The gradient by the first layer's output, as the wide product takes it and a member at a time.
            self._dfirst = _rows_first(self._dhidden[0]) if self.hidden else self.scores.flatten(0, 1).t()
            self._dfirst_stacked = self._dhidden[0] if self.hidden else self.scores.mT
            self._ones = torch.ones_like(self.scores[:, :1])

    def forward(self, x: Tensor) -> Tensor:
        """Scores (M, C, N) of the shared rows `x` (N, D), in a buffer that the next call overwrites."""
        if self.depth == 1:
            return torch.addmm(self._b1.unsqueeze(1), self._w1.t(), x.t(), out=self.scores.flatten(0, 1)).view_as(
                self.scores
            )
        self.activation.draw()
        h = self.hidden[0]
        torch.addmm(self._b1, x, self._w1, out=self._wide[0])
        self.activation.forward(0, h)
        for layer in range(1, self.depth - 1):
            later = self._later[layer - 1]
            h = torch.baddbmm(later.b_row, h, later.w, out=self.hidden[layer])
            self.activation.forward(layer, h)
        last = self._later[-1]
        return torch.baddbmm(last.b_column, last.w_t, self._hidden_t[-1], out=self.scores)

    def backward(self) -> None:
        """Carry the gradient, which stands in `scores`, back to the first layer; leave those of the later layers."""
        dout = self.scores.mT
        for layer in range(self.depth - 2, -1, -1):
            later, dlater = self._later[layer], self._dlater[layer]
            torch.bmm(self._hidden_t[layer], dout, out=dlater.w)
            self._sum_rows(dout, dlater.b_row)
            dout = torch.bmm(dout, later.w_t, out=self._dhidden[layer])
            self.activation.backward(layer, self.hidden[layer], dout)
        self._sum_rows(self._dfirst_stacked, self._db1)

    def first_layer(self, x: Tensor, block: int) -> None:
        """Leave the first layer's gradient at a block of its weights; `x` (N, D) are the rows of the last `forward`."""
        inputs, dw = self._dw1[block]
        # A slice costs a microsecond or two, which a small net feels.
        torch.mm(x.t() if self._whole else x[:, inputs].t(), self._dfirst, out=dw)

    def _sum_rows(self, dout: Tensor, out: Tensor) -> None:
        # As a product, because the order in which torch.sum adds depends on how many members there are.
        torch.bmm(self._ones, dout, out=out)


def _rows_first(hidden: Tensor) -> Tensor:
    """The first hidden layer (M, N, H) as the wide product sees it: (N, M * H)."""
    return hidden.transpose(0, 1).flatten(1)
