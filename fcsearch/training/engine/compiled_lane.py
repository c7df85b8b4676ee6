"""The structs of a lane as the functions in C take them, filled from its buffers. See native/losses.c."""

from __future__ import annotations

import ctypes
import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from fcsearch.nn.embedding import EMBEDDING_NAMES, Embedding
from fcsearch.training.engine.activations import ACTIVATIONS
from fcsearch.training.engine.buffers import Buffers
from fcsearch.training.engine.native import StepFunctions
from fcsearch.training.engine.native.structs import LANES, MEMBERS
from fcsearch.training.shape import Shape

# A block of the first layer's gradient: values that the second cache holds beside the weights and the rule's state, and
# the least rows with which a product still runs at full speed. Measured: docs/performance.md.
_BLOCK_VALUES = 2**19
_BLOCK_ROWS = 256


def block_rows(shape: Shape) -> int:
    """How many rows of the first layer are updated together, while a cache holds their gradient."""
    most = max(_BLOCK_ROWS, _BLOCK_VALUES // shape.dims[1])
    return math.ceil(shape.dims[0] / math.ceil(shape.dims[0] / most))  # even blocks


class CompiledLane:
    """The structs, and the memory that they point to.

    Args:
        weights: The members' parameters; the rest of each member's struct is 0.
        rows: Rows of what is computed at once.
        functions: The compiled functions.
        activation: What follows hidden layers.
        trains: Whether there is memory for gradients, and, with `drops_input`, for inputs with dropout.
        drops_input: See there.

    Attributes:
        struct: The C struct `lane`.
        members: An array of the C struct `member`.
    """

    def __init__(
        self,
        weights: Buffers,
        rows: int,
        functions: StepFunctions,
        *,
        activation: str,
        trains: bool,
        drops_input: bool = False,
    ) -> None:
        like, shape = weights.wide, weights.shape
        self._like = like
        self._kept: list[Tensor] = []
        hidden = [rows * units for units in shape.hidden_dims]
        block = block_rows(shape)
        self.struct: Any = LANES[like.dtype](
            rows=rows,
            layers=len(shape.layers),
            members=weights.members,
            block=block,
            dims=self._numbers(shape.dims),
            weights_at=self._numbers(_places(shape, "W")),
            bias_at=self._numbers(_places(shape, "b")),
            hidden_at=self._numbers([0, *itertools.accumulate(hidden)]),
            width=shape.input_dim,
            rest=shape.rest,
            regularised=shape.weights_in_rest,
            gemm=functions.gemm,
            hidden=self._scratch(sum(hidden) or rows * shape.num_classes),
            activation=list(ACTIVATIONS).index(activation),
            scores=self._scratch(shape.num_classes * rows),
        )
        if shape.embedding is not None:
            self._add_embedding(shape, shape.embedding, rows, trains=trains)
        if trains:
            self.struct.slopes = self._scratch(sum(hidden))
            widest = max(hidden, default=0)
            self.struct.dhidden = (ctypes.c_void_p * 2)(self._scratch(widest), self._scratch(widest))
            self.struct.statistics = self._scratch(2 * rows)
            self.struct.ones = self._keep(like.new_ones(rows))
            self.struct.dfirst = self._scratch((block + 1) * shape.dims[1])
            self.struct.drest = self._scratch(weights.rest.shape[1])
            self.struct.turned = self._scratch(shape.num_classes * (shape.hidden_dims[-1] if hidden else block))
        if drops_input:
            self.struct.dropped = self._scratch(rows * shape.dims[0])
        self.members: Any = (MEMBERS[like.dtype] * weights.members)()
        for place, member in enumerate(self.members):
            member.first = like[0, place].data_ptr()
            member.rest = weights.rest[place].data_ptr()

    def _add_embedding(self, shape: Shape, embedding: Embedding, rows: int, *, trains: bool) -> None:
        numbers, waves = embedding.numbers, 2 * embedding.frequencies
        self.struct.numbers, self.struct.frequencies = numbers, embedding.frequencies
        self.struct.embedding_dim = embedding.dim
        self.struct.embedding_at = self._numbers([shape.places[name].start for name in EMBEDDING_NAMES])
        self.struct.waves = self._scratch(numbers * rows * waves)
        self.struct.features = self._scratch(rows * shape.dims[0])
        if trains:
            self.struct.dwaves = self._scratch(rows * waves)
            self.struct.dfeatures = self._scratch(rows * numbers * embedding.dim)

    def _scratch(self, values: int) -> int:
        """Memory for so many numbers, at least one."""
        return self._keep(self._like.new_empty(max(1, values)))

    def _numbers(self, values: Sequence[int]) -> int:
        """Whole numbers, and a 0 behind them."""
        return self._keep(torch.tensor([*values, 0], dtype=torch.int64))

    def _keep(self, tensor: Tensor) -> int:
        self._kept.append(tensor)
        return tensor.data_ptr()


class CompiledNet:
    """The nets of a lane's members on N rows, in test mode. As `StackedNet`, by functions in C."""

    def __init__(self, weights: Buffers, rows: int, functions: StepFunctions, *, activation: str) -> None:
        self._functions = functions
        self._lane = CompiledLane(weights, rows, functions, activation=activation, trains=False)
        self._scores = weights.wide.new_empty(weights.members, weights.shape.num_classes, rows)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (M, C, N) of the shared rows `x` (N, D), in a buffer that the next call overwrites."""
        lane = self._lane
        x = x.contiguous()
        self._functions.score_rows(ctypes.byref(lane.struct), lane.members, x.data_ptr(), self._scores.data_ptr())
        return self._scores


def _places(shape: Shape, kind: str) -> list[int]:
    """Where each layer's weights (`W`) or biases (`b`) begin in a row of `Buffers.rest`; 0 for the first layer's."""
    return [0, *(shape.places[f"{kind}{layer}"].start for layer in range(2, len(shape.layers) + 1))]
