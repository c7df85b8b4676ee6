"""A pack on disk: one safetensors file whose metadata holds the rest as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from fcsearch.config import TrialConfig
from fcsearch.errors import ConfigError
from fcsearch.nn.storage import load_tensors, save_tensors
from fcsearch.training.metrics import EpochMetrics, MemberResult

_KEY = "fcsearch.pack"


@dataclasses.dataclass(frozen=True)
class SavedPack:
    """What a checkpoint holds."""

    configs: tuple[TrialConfig, ...]
    epoch: int
    histories: dict[int, list[EpochMetrics]]
    results: dict[int, MemberResult]
    tensors: dict[str, Tensor]

    def tensors_of(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose name starts so, without it."""
        return _strip(self.tensors, prefix)


def write(
    path: Path,
    tensors: Mapping[str, Tensor],
    *,
    configs: Sequence[TrialConfig],
    epoch: int,
    histories: Mapping[int, Sequence[EpochMetrics]],
    results: Mapping[int, MemberResult],
) -> None:
    """Write a checkpoint, whole or not at all; ConfigError if it cannot be written."""
    state: dict[str, Any] = {
        "configs": [config.to_json() for config in configs],
        "epoch": epoch,
        "histories": {member: [dataclasses.asdict(e) for e in epochs] for member, epochs in histories.items()},
        "results": {member: result.to_json() for member, result in results.items()},
    }
    save_tensors(path, tensors, {_KEY: json.dumps(state)})


def read(path: Path) -> SavedPack:
    """Read a checkpoint.

    Raises:
        ConfigError: there is none, or it is no checkpoint of a pack.
    """
    tensors, metadata = load_tensors(path)
    if _KEY not in metadata:
        raise ConfigError(f"{path} must be the checkpoint of a pack; found a safetensors file of something else")
    state = json.loads(metadata[_KEY])
    return SavedPack(
        configs=tuple(TrialConfig.from_json(config) for config in state["configs"]),
        epoch=state["epoch"],
        histories={int(member): [EpochMetrics(**e) for e in epochs] for member, epochs in state["histories"].items()},
        results={
            int(member): MemberResult.from_json(result, _strip(tensors, f"result{member}."))
            for member, result in state["results"].items()
        },
        tensors=tensors,
    )


def _strip(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
