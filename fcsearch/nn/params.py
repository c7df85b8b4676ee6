"""The parameters of a network by name: `W1` (D, H1), `b1` (H1,), `W2` (H1, H2), ...

Those of an embedding of P numbers stand before them: `f0` (P, K), `W0` (P, 2 K, E), `b0` (P, E).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from fcsearch.errors import ConfigError
from fcsearch.nn.embedding import EMBEDDING_NAMES, Embedding

DTYPES = (torch.float32, torch.float64)

# Rows scored at a time and their values in the widest layer, so that many rows do not need memory for all of them.
_MOST_ROWS, _MOST_VALUES = 4096, 2**24


def depth_of(params: Collection[str]) -> int:
    """The number of Linear layers of the network with these parameters."""
    return len(set(params) - set(EMBEDDING_NAMES)) // 2


def parameter_names(depth: int, *, embeds: bool = False) -> list[str]:
    """The names of the parameters of `depth` layers, W1, b1, W2, ..., behind those of an embedding if there is one."""
    layers = [f"{kind}{layer}" for layer in range(1, depth + 1) for kind in "Wb"]
    return [*EMBEDDING_NAMES, *layers] if embeds else layers


def rows_at_a_time(params: Mapping[str, Tensor]) -> int:
    """How many rows the network with these parameters scores at a time, so that no intermediate takes much memory."""
    widths = [size for layer in range(1, depth_of(params) + 1) for size in params[f"W{layer}"].shape]
    if (embedding := Embedding.of(params)) is not None:
        widths.append(2 * embedding.numbers * embedding.frequencies)
    return max(1, min(_MOST_ROWS, _MOST_VALUES // max(widths)))


def check_params(params: Mapping[str, Tensor]) -> None:
    """Raise ConfigError unless these are the parameters of a network: names, shapes that fit, one dtype."""
    depth, embeds = depth_of(params), not set(params).isdisjoint(EMBEDDING_NAMES)
    fits = (
        depth > 0
        and set(params) == set(parameter_names(depth, embeds=embeds))
        and all(params[f"W{i + 1}"].dim() == 2 for i in range(depth))
    )
    for layer in range(1, depth + 1 if fits else 0):
        weights = params[f"W{layer}"]
        fits = fits and params[f"b{layer}"].shape == weights.shape[1:]
        fits = fits and (layer == 1 or len(weights) == params[f"W{layer - 1}"].shape[1])
    fits = fits and (not embeds or _embedding_fits(params))
    if not fits or {tensor.dtype for tensor in params.values()} not in ({dtype} for dtype in DTYPES):
        found = {name: (tuple(tensor.shape), str(tensor.dtype)) for name, tensor in params.items()}
        raise ConfigError(
            "params must be W1 (D, H1), b1 (H1,), W2 (H1, H2), b2 (H2,), ..., all float32 or all float64, and for an "
            f"embedding f0 (P, K), W0 (P, 2 K, E) and b0 (P, E), with D at least P E; found {found}"
        )


def _embedding_fits(params: Mapping[str, Tensor]) -> bool:
    if (params["f0"].dim(), params["W0"].dim()) != (2, 3) or 0 in (*params["f0"].shape, params["W0"].shape[2]):
        return False
    embedding = Embedding.of(params)
    found = {name: tuple(params[name].shape) for name in EMBEDDING_NAMES}
    return (
        embedding is not None and found == embedding.shapes and len(params["W1"]) >= embedding.width(embedding.numbers)
    )
