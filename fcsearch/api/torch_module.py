"""A network as an ordinary nn.Module, with the transform of its training rows before it if asked for."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fcsearch.data.transform import FeatureTransform, TargetScale
from fcsearch.inference.module import Features
from fcsearch.nn import FullyConnectedNet
from fcsearch.nn.embedding import EMBEDDING_NAMES, PeriodicEmbedding

# Those of the embedding.
_PARAMETERS = ("frequencies", "weight", "bias")
_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "selu": nn.SELU,
}


class Embedding(nn.Module):
    """A network's periodic embedding of the first P of D features: from (N, D) to (N, P E + D - P)."""

    def __init__(self, network: FullyConnectedNet) -> None:
        super().__init__()
        for name, label in zip(EMBEDDING_NAMES, _PARAMETERS, strict=True):
            self.register_parameter(label, nn.Parameter(network.params[name].clone()))

    def forward(self, features: Tensor) -> Tensor:
        """Embed the numbers among features."""
        embedded, _ = PeriodicEmbedding.forward(features, *map(self.get_parameter, _PARAMETERS))
        return embedded


def module_of(network: FullyConnectedNet, transform: FeatureTransform | None = None) -> nn.Sequential:
    """A module with copies of the weights, in evaluation mode; in training mode it drops units as the network did.

    Args:
        network: The network.
        transform: The transform that makes its features, and of a regression undoes what standardised its target; None:
            the module takes features (N, D).
    """
    layers: list[nn.Module] = [] if network.embedding is None else [Embedding(network)]
    layers += [nn.Dropout(network.input_dropout)] if network.input_dropout else []
    for layer in range(1, network.depth + 1):
        weights, bias = network.params[f"W{layer}"], network.params[f"b{layer}"]
        # Made without weights: drawing some would advance the generator of the user's program.
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
        layers.insert(0, Features(transform))
        if transform.target is not None:
            layers.append(_in_own_unit(transform.target))
    return nn.Sequential(*layers).eval()


def _in_own_unit(target: TargetScale) -> nn.Linear:
    linear = nn.Linear(1, 1, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        linear.weight.fill_(target.scale)
        linear.bias.fill_(target.offset)
    return linear
