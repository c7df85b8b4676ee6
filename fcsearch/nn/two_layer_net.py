"""The network with one hidden layer."""

from __future__ import annotations

import torch
from torch import Tensor

from fcsearch.errors import ConfigError
from fcsearch.nn.initial_weights import WeightScale
from fcsearch.nn.networks import FullyConnectedNet


class TwoLayerNet(FullyConnectedNet):
    """Linear - ReLU - Linear - loss: a FullyConnectedNet with one hidden layer and no dropout.

    Args:
        input_dim: D, values in a row of the input.
        hidden_dim: H, units of the hidden layer.
        num_classes: C, columns of the scores.
        weight_scale: Standard deviation of the initial weights, or `kaiming` for sqrt(2 / fan_in) of each layer.
        reg: L2 strength, at least 0.
        seed: Key of the initial weights; without it they come from torch's global generator.
        dtype: torch.float32 or torch.float64.
        device: Where the network lives.
        loss: `softmax` or `svm`.

    Raises:
        ConfigError: a value outside its range.
    """

    def __init__(
        self,
        input_dim: int = 3072,
        hidden_dim: int = 100,
        num_classes: int = 10,
        weight_scale: WeightScale = 1e-3,
        reg: float = 0.0,
        *,
        seed: int | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        loss: str = "softmax",
    ) -> None:
        super().__init__(
            [hidden_dim],
            input_dim,
            num_classes,
            reg=reg,
            weight_scale=weight_scale,
            seed=seed,
            dtype=dtype,
            device=device,
            loss=loss,
        )

    @classmethod
    def _check_params(cls, params: dict[str, Tensor]) -> None:
        super()._check_params(params)
        if len(params) != 4:
            raise ConfigError(f"a TwoLayerNet must have W1, b1, W2 and b2; found {', '.join(sorted(params))}")
