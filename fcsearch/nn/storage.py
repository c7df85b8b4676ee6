"""Networks on disk: safetensors files, which hold tensors and text; reading them runs no code."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from fcsearch.errors import ConfigError
from fcsearch.nn.settings import NETWORK_SETTINGS, NetworkSettings
from fcsearch.whole_file import whole_file

_NETWORK_KEY = "fcsearch.network"
# The settings that every version has saved with a network's weights; and the seed of the dropout masks.
_ALWAYS_SAVED = ("seed", "dropout", "reg", "loss")


def save_tensors(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors and text to a safetensors file, whole or not at all.

    Args:
        path: The file; one that exists is replaced. Its folder must exist.
        tensors: Tensors by name, of any device; they are stored as they are on the CPU.
        metadata: Text by name.

    Raises:
        ConfigError: the file cannot be written.
    """
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, safetensors.torch.save(on_cpu, dict(metadata)))


def load_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a file of save_tensors: the tensors, on the CPU, and the text.

    Raises:
        ConfigError: there is no such file, or it is no safetensors file.
    """
    try:
        with safetensors.safe_open(str(path), framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        raise ConfigError(f"{path} must be a safetensors file that fcsearch wrote; found: {error}") from error


def network_text(settings: NetworkSettings, seed: int | None) -> dict[str, str]:
    """The metadata that `load_network` needs beside the weights: the settings, and the seed of the dropout masks."""
    return {_NETWORK_KEY: json.dumps({"seed": seed, **dataclasses.asdict(settings)})}


def load_network(path: str | Path) -> tuple[dict[str, Tensor], NetworkSettings, int | None]:
    """Read a network: its weights, on the CPU, its settings, and the seed of its dropout masks.

    Raises:
        ConfigError: there is no such file, or it does not hold a network.
    """
    params, metadata = load_tensors(path)
    try:
        stored = json.loads(metadata[_NETWORK_KEY])
        if missing := [name for name in _ALWAYS_SAVED if name not in stored]:
            raise KeyError(missing[0])
        # Files of earlier versions lack the later ones.
        settings = NetworkSettings(**{name: stored[name] for name in NETWORK_SETTINGS if name in stored})
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{path} must hold the settings of a network ({', '.join(_ALWAYS_SAVED)}, ...) beside its weights; "
            "found none; give a file that FullyConnectedNet.save wrote"
        ) from error
    return params, settings, stored["seed"]


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file, whole or not at all; ConfigError if it cannot be written."""
    try:
        with whole_file(Path(path)) as stream:
            stream.write(content)
    except OSError as error:
        # The error's own text names the unfinished file.
        found = error.strerror or error
        raise ConfigError(f"{path} must be a file that can be written; found: {found}; name another place") from error
