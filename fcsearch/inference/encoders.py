"""The encoders of `data.layout` in operations that torch can export."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor, nn

from fcsearch.data.layout import SMOOTH_BOUND, Curves, Encoder, Ramps, Scaling


def keep(module: nn.Module, **arrays: npt.NDArray[Any] | None) -> None:
    """Register arrays as buffers of a module under these names."""
    for name, values in arrays.items():
        module.register_buffer(name, None if values is None else torch.from_numpy(values))


def encoder_module(encoder: Encoder) -> nn.Module:
    """From numbers (N, K), without gaps, to their features (N, D), as `encoder.encode` writes them."""
    match encoder:
        case Scaling():
            return _Scaling(encoder)
        case Ramps():
            return _Ramps(encoder)
        case Curves():
            return _Curves(encoder)


class _Scaling(nn.Module):
    offset: Tensor
    divisor: Tensor | None
    factor: Tensor

    def __init__(self, encoder: Scaling) -> None:
        super().__init__()
        self._limit = encoder.limit
        keep(self, offset=encoder.offset, divisor=encoder.divisor, factor=encoder.factor)

    def forward(self, numbers: Tensor) -> Tensor:
        numbers = numbers - self.offset
        if self.divisor is not None:
            numbers = numbers / self.divisor
        scaled = numbers * self.factor
        if self._limit is None:
            return scaled
        scaled = scaled.clamp(-SMOOTH_BOUND, SMOOTH_BOUND)
        return scaled / torch.sqrt(1 + (scaled / self._limit) ** 2)


class _Ramps(nn.Module):
    source: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, encoder: Ramps) -> None:
        super().__init__()
        keep(self, source=encoder.source, low=encoder.low, high=encoder.high)

    def forward(self, numbers: Tensor) -> Tensor:
        return _ramps(numbers.double().index_select(1, self.source), self.low, self.high)


class _Curves(nn.Module):
    base: Tensor
    low: Tensor
    high: Tensor
    rise: Tensor

    def __init__(self, encoder: Curves) -> None:
        super().__init__()
        low, high, rise = encoder.pieces
        keep(self, base=encoder.base, low=low, high=high, rise=rise)

    def forward(self, numbers: Tensor) -> Tensor:
        ramps = _ramps(numbers.double().unsqueeze(2), self.low, self.high)
        return self.base + (ramps * self.rise).sum(2)


def _ramps(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    return (torch.minimum(torch.maximum(x, low), high) - low) / (high - low)
