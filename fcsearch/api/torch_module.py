"""A network as torch users know it: an nn.Module, with the transform of its training rows before it if asked for."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from fcsearch.data.transform import CategoryInput, FeatureTransform
from fcsearch.nn import FullyConnectedNet

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "selu": nn.SELU,
}


def module_of(network: FullyConnectedNet, transform: FeatureTransform | None = None) -> nn.Sequential:
    """A module with copies of the weights, in evaluation mode; trained on, it drops units as the network did.

    Args:
        network: The network.
        transform: What makes its features; None: the module takes features.
    """
    layers: list[nn.Module] = [nn.Dropout(network.input_dropout)] if network.input_dropout else []
    for layer in range(1, network.depth + 1):
        weights, bias = network.params[f"W{layer}"], network.params[f"b{layer}"]
        # Made without weights: drawing some would move on the generator of the user's program.
        linear = nn.Linear(weights.shape[0], weights.shape[1], dtype=weights.dtype, device="meta").to_empty(
            device="cpu"
        )
        with torch.no_grad():
            linear.weight.copy_(weights.T)
            linear.bias.copy_(bias)
        layers.append(linear)
        if layer < network.depth:
            layers.append(_ACTIVATIONS[network.activation]())
            layers += [nn.Dropout(network.dropout)] if network.dropout else []
    if transform is not None:
        layers.insert(0, Preprocessing(transform))
    return nn.Sequential(*layers).eval()


class Preprocessing(nn.Module):
    """From the values of columns (N, R) to features (N, D) float32, as `FeatureTransform.apply` makes them."""

    fill: Tensor
    offset: Tensor
    scale: Tensor

    def __init__(self, transform: FeatureTransform) -> None:
        super().__init__()
        self.dtype = torch.float64 if transform.dtype == "float64" else torch.float32
        numbers = [item for item in transform.inputs if not isinstance(item, CategoryInput)]
        fills = [value for item in numbers for value in (np.nan if item.fill is None else item.fill,) * item.width]
        offsets = [value for item in numbers for value in item.encoding.offset]
        scales = [1 / value if item.encoding.divide else value for item in numbers for value in item.encoding.scale]
        for name, values in (("fill", fills), ("offset", offsets), ("scale", scales)):
            self.register_buffer(name, torch.tensor(values, dtype=self.dtype))
        self.numbers, self.categories = _places(transform)

    def forward(self, X: Tensor) -> Tensor:
        """Fill gaps, scale the numbers, and give each category a 0/1 feature of its own."""
        X = X.to(self.dtype)
        numbers = X[:, self.numbers]
        numbers = (torch.where(numbers.isnan(), self.fill, numbers) - self.offset) * self.scale
        parts = [numbers.float()]
        for place, count, fill in self.categories:
            codes = torch.nan_to_num(X[:, place], nan=float(fill))
            parts.append((codes[:, None] == torch.arange(count, device=X.device)).float())
        return torch.cat(parts, dim=1)


def _places(transform: FeatureTransform) -> tuple[list[int], list[tuple[int, int, int]]]:
    """The columns of numbers; and of categories the column, how many there are, and which one fills gaps."""
    numbers: list[int] = []
    categories = []
    place = 0
    for item in transform.inputs:
        if isinstance(item, CategoryInput):
            categories.append((place, len(item.categories), item.categories.index(item.fill)))
            place += 1
        else:
            numbers += range(place, place + item.width)
            place += item.width
    return numbers, categories
