"""Weights on disk: safetensors files, which hold tensors and text; reading them runs no code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from fcsearch.errors import ConfigError
from fcsearch.whole_file import whole_file


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


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file, whole or not at all; ConfigError if it cannot be written."""
    try:
        with whole_file(Path(path)) as stream:
            stream.write(content)
    except OSError as error:
        raise ConfigError(f"{path} must be a file that can be written; found: {error}; name another place") from error
