"""Memory cut into pieces, on which an update rule works by torch operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fcsearch.training.engine.native import Call

# Torch operations read and write up to five buffers several times: on a CPU a piece of so many values stays in cache.
_PIECE_VALUES = 2**16


@dataclass(frozen=True)
class Piece:
    """Weights, their gradients and the rule's state, (rows, columns) each, and how a setting broadcasts over them."""

    w: Tensor
    dw: Tensor
    state: tuple[Tensor, ...]
    spread: Callable[[Tensor], Tensor]


def torch_update(update: Call, pieces: Sequence[Piece]) -> Call:
    """Torch operations on one piece after the other."""
    first = pieces[0].w
    scratch = first.new_empty(max(piece.w.numel() for piece in pieces))

    def run(*values: Tensor) -> None:
        for piece in pieces:
            space = scratch[: piece.w.numel()].view(piece.w.shape)
            update(piece.w, piece.dw, piece.state, space, [piece.spread(value) for value in values])

    return run


def wide_pieces(arrays: Sequence[Tensor]) -> list[Piece]:
    """One piece: a block of the first layer, (rows, M, H), whose columns hold all members."""
    _, members, units = arrays[0].shape
    columns = torch.arange(members, device=arrays[0].device).repeat_interleave(units)
    flat = [array.flatten(1) for array in arrays]
    return [Piece(flat[0], flat[1], tuple(flat[2:]), lambda value: value.index_select(0, columns))]


def rest_pieces(arrays: Sequence[Tensor]) -> list[Piece]:
    """The later layers, (M, Q), cut into pieces that a cache holds; on a GPU there is one."""
    count, width = arrays[0].shape
    values = _PIECE_VALUES if arrays[0].device.type == "cpu" else arrays[0].numel()
    at_once = max(1, values // max(1, width))
    pieces = []
    for first in range(0, count, at_once):
        members = slice(first, first + at_once)
        for parts in zip(*(torch.split(array[members], values, dim=1) for array in arrays), strict=True):
            pieces.append(Piece(parts[0], parts[1], tuple(parts[2:]), _column(members)))
    return pieces


def _column(members: slice) -> Callable[[Tensor], Tensor]:
    return lambda value: value[members].unsqueeze(1)
