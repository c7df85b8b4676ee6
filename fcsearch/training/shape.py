"""The shape of a network: what its weights, and the time of a step, follow from."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from typing import TYPE_CHECKING, Protocol

from fcsearch.config import TrialConfig

if TYPE_CHECKING:
    from fcsearch.nn.embedding import Embedding


class Sizes(Protocol):
    """What a network's shape follows from, besides its configuration: the rows of a dataset."""

    @property
    def input_dim(self) -> int:
        """Number of features D."""

    @property
    def numbers(self) -> int:
        """How many of them, the first, are numbers."""

    @property
    def outputs(self) -> int:
        """Columns of the scores."""


@dataclasses.dataclass(frozen=True)
class Shape:
    """The layers that every member of a lane has: input_dim D, hidden_dims, num_classes C, and maybe an embedding."""

    input_dim: int
    hidden_dims: tuple[int, ...]
    num_classes: int
    embedding: Embedding | None = None

    @classmethod
    def of(cls, config: TrialConfig, rows: Sizes) -> Shape:
        """The shape of a trial's network for rows in the form that it learns."""
        if config.embedding_sizes is None:
            return cls(rows.input_dim, config.hidden_dims, rows.outputs)
        # Imported where a network has one: a search plans its first packs before it imports torch.
        from fcsearch.nn.embedding import Embedding

        embedding = Embedding.of_numbers(rows.numbers, config.embedding_sizes)
        return cls(rows.input_dim, config.hidden_dims, rows.outputs, embedding)

    @property
    def dims(self) -> tuple[int, ...]:
        """Units from the input, or the embedding, to the scores."""
        first = self.input_dim if self.embedding is None else self.embedding.width(self.input_dim)
        return (first, *self.hidden_dims, self.num_classes)

    @property
    def layers(self) -> list[tuple[int, int]]:
        """(inputs, outputs) of each Linear layer, first to last."""
        return list(zip(self.dims[:-1], self.dims[1:], strict=True))

    @property
    def parameters(self) -> dict[str, tuple[int, ...]]:
        """The shapes of one member's parameters by name, those of the embedding first."""
        found = {} if self.embedding is None else self.embedding.shapes
        for layer, (inputs, outputs) in enumerate(self.layers, start=1):
            found |= {f"W{layer}": (inputs, outputs), f"b{layer}": (outputs,)}
        return found

    @property
    def num_parameters(self) -> int:
        """Weights and biases of one member."""
        return sum(map(math.prod, self.parameters.values()))

    @functools.cached_property
    def places(self) -> dict[str, slice]:
        """Where each parameter is in a row of `Buffers.rest`: first all weights, then what is not regularised."""
        sizes = {name: math.prod(shape) for name, shape in self.parameters.items() if name not in ("W1", "b1")}
        names = sorted(sizes, key=lambda name: not _regularised(name))
        ends = itertools.accumulate(sizes[name] for name in names)
        return {name: slice(end - sizes[name], end) for name, end in zip(names, ends, strict=True)}

    @property
    def weights_in_rest(self) -> int:
        """How many values of a row of `Buffers.rest` are regularised."""
        return sum(place.stop - place.start for name, place in self.places.items() if _regularised(name))

    @property
    def rest(self) -> int:
        """Length Q of a row of `Buffers.rest`."""
        return max((place.stop for place in self.places.values()), default=0)


def _regularised(name: str) -> bool:
    return name.startswith("W")
