"""One way in which the engine computes here: a device, a type of numbers, and kernels or torch operations."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from fcsearch.nn.gradcheck import PLAIN_NET, Check, relative_error
from fcsearch.nn.random import generator

KERNELS, TORCH = "kernels", "torch"


@dataclasses.dataclass(frozen=True)
class Way:
    """How the engine computes.

    Attributes:
        device: Where.
        dtype: In what type: a key of PLAIN_NET.
        arithmetic: By KERNELS or TORCH operations.
    """

    device: torch.device
    dtype: torch.dtype
    arithmetic: str

    def compare(self, subject: str, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> Iterator[Check]:
        """Hold what the engine found to what the plain net has; one check for each of the expected names."""
        for name, tensor in expected.items():
            error = relative_error(found[name].double().cpu(), tensor.double().cpu())
            yield Check(subject, name, PLAIN_NET[self.dtype], error, self.arithmetic)

    def normal(self, name: str, *shape: int) -> Tensor:
        """Normal numbers, keyed by name: the same on every machine, rounded to the type."""
        draw = torch.randn(*shape, generator=generator(0, "engine check", name), dtype=torch.float64)
        return draw.to(device=self.device, dtype=self.dtype)
