"""Saved networks of a run's best trials: one safetensors file a trial, with what is needed to use it again."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import ConfigError, RunError
from fcsearch.nn.networks import FullyConnectedNet
from fcsearch.nn.settings import NETWORK_SETTINGS
from fcsearch.nn.storage import load_tensors
from fcsearch.results.files import write_whole

_MODEL = re.compile(r"trial-(\d+)\.safetensors")
# Under the first key FullyConnectedNet.load finds its settings; under the second is what else the run knows; under the
# third what turns a table into the network's input.
_NETWORK_KEY = "fcsearch.network"
_TRIAL_KEY = "fcsearch.trial"
_TRANSFORM_KEY = "fcsearch.transform"


class Models:
    """The folder of saved models: `trial-000012.safetensors` holds the network of trial 12 at its best epoch.

    `FullyConnectedNet.load` reads the files too.
    """

    def __init__(self, folder: Path, *, transform: Path, aside: Path) -> None:
        self.folder = folder
        self._transform = transform
        self._aside = aside

    def path(self, trial_id: int) -> Path:
        """Where the trial's model is, or would be."""
        return self.folder / f"trial-{trial_id:06d}.safetensors"

    def save(self, trial_id: int, weights: Mapping[str, torch.Tensor], metadata: Mapping[str, Any]) -> None:
        """Write the network, whole or not at all, with the run's transform; `metadata` as in `RunDirectory`."""
        config = metadata["config"]
        network = {"seed": None, **{name: config[name] for name in NETWORK_SETTINGS if name in config}}
        texts = {_NETWORK_KEY: json.dumps(network), **model_texts(metadata, self._transform_text())}
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
        content = safetensors.torch.save(tensors, texts)
        write_whole(self.path(trial_id), lambda stream: stream.write(content), aside=self._aside)

    def load(self, trial_id: int) -> FullyConnectedNet:
        """The trial's network, on the CPU; RunError if it was not kept or the file is damaged."""
        path = self._existing(trial_id)
        try:
            return FullyConnectedNet.load(path)
        except ConfigError as error:
            raise _damaged(path, error) from error

    def metadata(self, trial_id: int) -> dict[str, Any]:
        """What was saved beside the trial's network; RunError as in `load`."""
        path = self._existing(trial_id)
        try:
            value: dict[str, Any] = json.loads(load_tensors(path)[1][_TRIAL_KEY])
        except (ConfigError, KeyError, ValueError) as error:
            raise _damaged(path, error) from error
        return value

    def transform(self, trial_id: int) -> FeatureTransform | None:
        """What made the features that the trial's network learned from; None where an older fcsearch saved it."""
        return load_transform(self._existing(trial_id))

    def saved(self) -> list[int]:
        """The trials that have a model, in order."""
        return sorted(int(match[1]) for path in self.folder.glob("*") if (match := _MODEL.fullmatch(path.name)))

    def prune(self, keep: Collection[int]) -> None:
        """Remove the models of all other trials."""
        for trial_id in set(self.saved()) - set(keep):
            self.path(trial_id).unlink(missing_ok=True)

    def _transform_text(self) -> str | None:
        return self._transform.read_text("utf-8") if self._transform.is_file() else None

    def _existing(self, trial_id: int) -> Path:
        path = self.path(trial_id)
        if not path.is_file():
            saved = ", ".join(map(str, self.saved())) or "none"
            raise RunError(
                f"trial {trial_id} must have a saved model; found models of trials: {saved}; train it again with "
                f"`fcsearch train --run {self.folder.parent} --trial {trial_id}`"
            )
        return path


def model_texts(metadata: Mapping[str, Any], transform: str | None) -> dict[str, str]:
    """What a model file says beside the network itself: of its trial, and how features are made (JSON), by key."""
    texts = {_TRIAL_KEY: json.dumps(metadata, allow_nan=False)}
    return texts if transform is None else {**texts, _TRANSFORM_KEY: transform}


@dataclasses.dataclass(frozen=True)
class SavedModel:
    """What a model file holds.

    Attributes:
        network: The network, on the CPU.
        transform: What makes its features; None where an older fcsearch saved it.
        facts: What else was saved, as `save_model` of `RunDirectory` takes it; empty where the network was saved alone.
    """

    network: FullyConnectedNet
    transform: FeatureTransform | None
    facts: Mapping[str, Any]


def read_model(path: Path) -> SavedModel:
    """Read a model file, wherever it lies.

    Raises:
        ConfigError: it is no model file.
        DataError: its transform is damaged.
        RunError: what it says of its trial is damaged.
    """
    network, text = FullyConnectedNet.load(path), load_tensors(path)[1].get(_TRIAL_KEY, "{}")
    try:
        facts = dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise _damaged(path, error) from error
    return SavedModel(network, load_transform(path), facts)


def load_transform(path: Path) -> FeatureTransform | None:
    """The transform in a model file; None if it has none.

    Raises:
        ConfigError: it is no model file.
        DataError: the transform is damaged.
    """
    text = load_tensors(path)[1].get(_TRANSFORM_KEY)
    return None if text is None else FeatureTransform.from_json(text, where=str(path))


def _damaged(path: Path, error: Exception) -> RunError:
    return RunError(f"{path} must be a model that fcsearch saved; found: {error}; remove it and train it again")
