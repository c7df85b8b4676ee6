"""Where the weights of a lane live: two flat buffers, and a view of them for every layer."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from fcsearch.training.shape import Shape

# Where parameters of one member are together they begin at a multiple of so many values, as those of a member alone do:
# on some processors products are rounded by where matrices lie in a cache line.
_LINE_VALUES = 16


class Buffers:
    """One value for every parameter of M members: the weights themselves, their gradients, or an update rule's state.

    The first layer is `wide`, (D + 1, M, H), with the biases as the last row. In memory its weights stand side by side,
    so that one product with the shared minibatch serves all members; or, for steps that take the members one by one,
    each member's are together. All else is `rest`, (M, Q): one row a member, with the weights first, `Shape.places`.

    Args:
        shape: The layers.
        wide: (D + 1, M, H) tensor.
        rest: (M, Q) tensor.
        by_member: Whether what is of one member is together in memory.
    """

    def __init__(self, shape: Shape, wide: Tensor, rest: Tensor, *, by_member: bool = False) -> None:
        self.shape = shape
        self.by_member = by_member
        self.wide = wide
        self.rest = rest

    @classmethod
    def zeros(
        cls, shape: Shape, members: int, *, device: torch.device, dtype: torch.dtype, by_member: bool = False
    ) -> Buffers:
        """Buffers of zeros for so many members, with what is of one member together in memory or not."""
        rows, units = shape.dims[0] + 1, shape.dims[1]
        zeros = functools.partial(torch.zeros, device=device, dtype=dtype)
        if not by_member:
            return cls(shape, zeros(rows, members, units), zeros(members, shape.rest))
        # Kernels on a GPU take contiguous arrays.
        line = _LINE_VALUES if device.type == "cpu" else 1
        wide, rest = (
            zeros(members, math.ceil(values / line) * line)[:, :values] for values in (rows * units, shape.rest)
        )
        return cls(shape, wide.view(members, rows, units).transpose(0, 1), rest, by_member=True)

    @property
    def members(self) -> int:
        """Number of members M."""
        return self.wide.shape[1]

    @property
    def regularised(self) -> tuple[Tensor, Tensor]:
        """The weights without what is not regularised: views (D, M, H) and (M, Q') of the two buffers."""
        return self.wide[:-1], self.rest[:, : self.shape.weights_in_rest]

    def weight(self, layer: int) -> Tensor:
        """Weights of a layer (from 0): a view (D, M, H) of the first, (M, inputs, outputs) of the others."""
        return self.wide[:-1] if layer == 0 else self.part(f"W{layer + 1}")

    def bias(self, layer: int) -> Tensor:
        """Biases of a layer (from 0): a view (M, outputs)."""
        return self.wide[-1] if layer == 0 else self.part(f"b{layer + 1}")

    def part(self, name: str) -> Tensor:
        """A parameter of all members that is not of the first layer, by its name: a view (M, ...)."""
        return self.rest[:, self.shape.places[name]].view(-1, *self.shape.parameters[name])

    def rows(self) -> dict[str, Tensor]:
        """Views with a row for each member: `wide` (M, D + 1, H) and `rest` (M, Q)."""
        return {"wide": self.wide.transpose(0, 1), "rest": self.rest}

    def select(self, members: Tensor) -> Buffers:
        """A compact copy that holds only these members (int64 positions), laid out as this is."""
        like = self.wide
        kept = Buffers.zeros(self.shape, len(members), device=like.device, dtype=like.dtype, by_member=self.by_member)
        kept.wide.copy_(like.index_select(1, members))
        kept.rest.copy_(self.rest.index_select(0, members))
        return kept

    def put(self, members: Tensor, source: Buffers) -> None:
        """Overwrite these members (int64 positions) with their values in `source`."""
        self.wide.index_copy_(1, members, source.wide.index_select(1, members))
        self.rest.index_copy_(0, members, source.rest.index_select(0, members))

    def copy_(self, source: Buffers) -> None:
        """Overwrite all members with their values in `source`."""
        self.wide.copy_(source.wide)
        self.rest.copy_(source.rest)

    def to_dict(self, member: int) -> dict[str, Tensor]:
        """A copy on the CPU of one member's parameters: `W1` (D, H), `b1` (H,), `W2`, ..."""
        return self.to_dicts([member])[0]

    def to_dicts(self, members: Sequence[int]) -> list[dict[str, Tensor]]:
        """Such copies of several members, taken off the device together."""
        kept = self.select(torch.tensor(members, device=self.wide.device))
        there = Buffers(self.shape, kept.wide.cpu(), kept.rest.cpu())
        return [there._copied(member) for member in range(len(members))]

    def _copied(self, member: int) -> dict[str, Tensor]:
        return {name: view.clone() for name, view in self._views(member).items()}

    def fill(self, member: int, weights: Mapping[str, Tensor]) -> None:
        """Set one member's parameters from such a dict."""
        for name, view in self._views(member).items():
            view.copy_(weights[name])

    def _views(self, member: int) -> dict[str, Tensor]:
        """One member's parameters by name."""
        first = {"W1": self.wide[:-1, member], "b1": self.wide[-1, member]}
        return {name: first[name] if name in first else self.part(name)[member] for name in self.shape.parameters}


def stack(
    shape: Shape,
    weights: Sequence[Mapping[str, Tensor]],
    *,
    device: torch.device,
    dtype: torch.dtype,
    by_member: bool = False,
) -> Buffers:
    """Buffers that hold one member for each of these parameter dicts; see `Buffers.zeros`."""
    buffers = Buffers.zeros(shape, len(weights), device=device, dtype=dtype, by_member=by_member)
    for member, values in enumerate(weights):
        buffers.fill(member, values)
    return buffers
