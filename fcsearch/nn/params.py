"""The parameters of a network by name: `W1` (D, H1), `b1` (H1,), `W2` (H1, H2), ..."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from fcsearch.errors import ConfigError

DTYPES = (torch.float32, torch.float64)


def parameter_names(depth: int) -> list[str]:
    """The names of the parameters of `depth` layers: W1, b1, W2, ..."""
    return [f"{kind}{layer}" for layer in range(1, depth + 1) for kind in "Wb"]


def check_params(params: Mapping[str, Tensor]) -> None:
    """Raise ConfigError unless these are the parameters of a network: names, shapes that fit, one dtype."""
    depth = len(params) // 2
    fits = (
        depth > 0
        and set(params) == set(parameter_names(depth))
        and all(params[f"W{i + 1}"].dim() == 2 for i in range(depth))
    )
    for layer in range(1, depth + 1 if fits else 0):
        weights = params[f"W{layer}"]
        fits = fits and params[f"b{layer}"].shape == weights.shape[1:]
        fits = fits and (layer == 1 or len(weights) == params[f"W{layer - 1}"].shape[1])
    if not fits or {tensor.dtype for tensor in params.values()} not in ({dtype} for dtype in DTYPES):
        found = {name: (tuple(tensor.shape), str(tensor.dtype)) for name, tensor in params.items()}
        raise ConfigError(
            "params must be W1 (D, H1), b1 (H1,), W2 (H1, H2), b2 (H2,), ..., all float32 or all float64; "
            f"found {found}"
        )
