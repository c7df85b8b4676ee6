"""Initial weights, drawn on the CPU so that a seed means the same on every device."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from fcsearch.errors import ConfigError
from fcsearch.nn.embedding import BIASES, FREQUENCIES, FREQUENCY_SCALE, WEIGHTS, Embedding
from fcsearch.nn.option_checks import number
from fcsearch.nn.random import generator

WeightScale = float | Literal["kaiming"]


def initial_weights(
    hidden_dims: Sequence[int],
    input_dim: int,
    num_classes: int,
    *,
    weight_scale: WeightScale,
    seed: int,
    dtype: torch.dtype,
    embedding: Embedding | None = None,
    frequency_scale: float = FREQUENCY_SCALE,
) -> dict[str, Tensor]:
    """Draw the weights of every layer from a Gaussian and set the biases to zero.

    The draw of a layer depends only on the seed and the layer's number, and is made in float32, so that networks of
    either dtype start from the same numbers.

    Args:
        hidden_dims: Units of each hidden layer, first to last; empty for a linear classifier.
        input_dim: D, values in a row of the input.
        num_classes: C, columns of the scores.
        weight_scale: Standard deviation of the weights, or `kaiming` for sqrt(2 / fan_in) of each layer.
        seed: Seed of the draws.
        dtype: torch.float32 or torch.float64.
        embedding: Sizes of the embedding of the first values of a row, if they are embedded.
        frequency_scale: Standard deviation of its frequencies.

    Returns:
        On the CPU, for layers i = 1, 2, ...: `W{i}` of shape (fan_in, fan_out) and `b{i}` of shape (fan_out,); with an
        embedding before them `f0`, `W0` and `b0` of its shapes.

    Raises:
        ConfigError: a size below 1, a weight scale that is neither above 0 nor `kaiming`, or an embedding of more
            numbers than a row has.
    """
    if embedding is not None:
        _check_embedding(embedding, input_dim, frequency_scale)
    first = input_dim if embedding is None else embedding.width(input_dim)
    sizes = [first, *hidden_dims, num_classes]
    if min(sizes) < 1:
        raise ConfigError(f"every layer must have a size of at least 1; found the sizes {sizes}")
    params: dict[str, Tensor] = {}
    if embedding is not None:
        params = _embedding(embedding, weight_scale, frequency_scale, seed, dtype)
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes), start=1):
        draw = torch.randn(fan_in, fan_out, generator=generator(seed, "init", layer), dtype=torch.float32)
        params[f"W{layer}"] = draw.to(dtype) * _standard_deviation(weight_scale, fan_in)
        params[f"b{layer}"] = torch.zeros(fan_out, dtype=dtype)
    return params


def _check_embedding(embedding: object, input_dim: int, frequency_scale: object) -> None:
    if not isinstance(embedding, Embedding):
        raise ConfigError(f"embedding must be an Embedding or None; found {embedding!r}")
    if embedding.numbers > input_dim:
        raise ConfigError(
            f"embedding numbers must be at most input_dim, the {input_dim} values of a row; found {embedding.numbers}"
        )
    number("frequency_scale", frequency_scale, minimum=0)
    if not frequency_scale:
        raise ConfigError(f"frequency_scale must be a number above 0; found {frequency_scale!r}")


def _embedding(
    embedding: Embedding, weight_scale: WeightScale, frequency_scale: float, seed: int, dtype: torch.dtype
) -> dict[str, Tensor]:
    shapes = embedding.shapes
    deviations = {
        FREQUENCIES: frequency_scale,
        WEIGHTS: _standard_deviation(weight_scale, 2 * embedding.frequencies),
    }
    drawn = {
        name: torch.randn(shapes[name], generator=generator(seed, "init", name), dtype=torch.float32).to(dtype) * scale
        for name, scale in deviations.items()
    }
    return {**drawn, BIASES: torch.zeros(shapes[BIASES], dtype=dtype)}


def _standard_deviation(weight_scale: WeightScale, fan_in: int) -> float:
    if weight_scale == "kaiming":
        return math.sqrt(2 / fan_in)
    if isinstance(weight_scale, str) or not (math.isfinite(weight_scale) and weight_scale > 0):
        raise ConfigError(f"weight_scale must be a number above 0, or 'kaiming'; found {weight_scale!r}")
    return weight_scale
