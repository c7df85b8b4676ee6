"""A small network, and rows and labels for it."""

import torch
from torch import Tensor

from fcsearch.nn import FullyConnectedNet
from fcsearch.nn.random import generator


def rows(n: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(n, *shape, generator=generator(0, "rows"), dtype=dtype)


def labels(n: int) -> Tensor:
    return torch.randint(5, (n,), generator=generator(0, "labels"))


def small_net(hidden_dims: list[int], **options: object) -> FullyConnectedNet:
    """12 inputs, 5 classes."""
    defaults = {"input_dim": 12, "num_classes": 5, "weight_scale": "kaiming", "seed": 0, "dtype": torch.float64}
    return FullyConnectedNet(hidden_dims, **{**defaults, **options})
