"""The networks in model files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import ConfigError
from fcsearch.nn.networks import FullyConnectedNet
from fcsearch.nn.settings import NETWORK_SETTINGS, NetworkSettings
from fcsearch.nn.storage import network_text
from fcsearch.results.model_file import damaged, facts_beside, load_transform


@dataclasses.dataclass(frozen=True)
class SavedModel:
    """The content of a model file.

    Attributes:
        network: The network, on the CPU.
        transform: Makes its features; None if an older fcsearch saved it.
        facts: Other metadata, as in `Models.save`; empty if the network was saved alone.
    """

    network: FullyConnectedNet
    transform: FeatureTransform | None
    facts: Mapping[str, Any]


def read_model(path: Path) -> SavedModel:
    """Read a model file, wherever it lies.

    Raises:
        RunError: it is not a model file, or the facts about its trial are damaged.
        DataError: its transform is damaged.
    """
    return SavedModel(load_network(path), load_transform(path), facts_beside(path))


def load_network(path: Path) -> FullyConnectedNet:
    """The network in a model file, on the CPU; RunError if it is not one."""
    try:
        return FullyConnectedNet.load(path)
    except ConfigError as error:
        # What the library said: the error around it names the path once more.
        raise damaged(path, error.__cause__ or error) from error


def network_content(weights: Mapping[str, Tensor], config: Mapping[str, Any], texts: Mapping[str, str]) -> bytes:
    """The content of a model file: weights, the settings that the configuration has of a network, and other texts."""
    settings = NetworkSettings(**{name: config[name] for name in NETWORK_SETTINGS if name in config})
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    return safetensors.torch.save(tensors, {**network_text(settings, seed=None), **texts})
