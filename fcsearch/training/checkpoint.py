"""A pack in training as bytes: a safetensors file whose metadata holds the rest as JSON. Reading it runs no code.

Tensors are stacked as lanes train them, one row per member; histories are one table of numbers. A checksum covers all.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from fcsearch.config import TrialConfig
from fcsearch.config.objective import DEFAULT_OBJECTIVES
from fcsearch.errors import ConfigError
from fcsearch.training.data import TrainingData
from fcsearch.training.metrics import EpochMetrics, State
from fcsearch.training.shape import Shape

# Raised when what is stored changes its form.
_FORMAT = 1
_KEY = "fcsearch.pack"
_CHECKSUM = "fcsearch.checksum"
_HISTORY = "history"
# Of an epoch, beside the figures by name.
_COLUMNS = tuple(
    field.name for field in dataclasses.fields(EpochMetrics) if field.name not in ("epoch", "train", "val")
)
# Those that every epoch has.
_ALWAYS = ("learning_rate", "seconds")
# What reading something else, or something made to do harm, may raise.
_ERRORS = (
    *(AttributeError, IndexError, KeyError, OverflowError, RecursionError, RuntimeError, TypeError, ValueError),
    safetensors.SafetensorError,
)


@dataclasses.dataclass(frozen=True)
class SavedPack:
    """A pack after an epoch.

    Attributes:
        configs: Its members.
        epoch: The epoch.
        states: How the members that no longer train ended.
        lanes: The members of each lane, in the lane's own order.
        lengths: How many epochs each member ran.
        tensors: `lane<n>.<name>`, with a row for each member of the lane (or for those of an update rule),
            `result<member>.<name>`, the weights of those that ended (those of another fold than the first:
            `fold<n>.result<member>.<name>`), and the table of all epochs.
        facts: What else whoever saved it knows (JSON types).
    """

    configs: tuple[TrialConfig, ...]
    epoch: int
    states: Mapping[int, State]
    lanes: tuple[tuple[int, ...], ...]
    lengths: tuple[int, ...]
    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]

    def __post_init__(self) -> None:
        living = {member for lane in self.lanes for member in lane}
        if sorted([*living, *self.states]) != list(range(len(self.configs))) or len(self.lengths) != len(self.configs):
            raise ConfigError("members that neither train nor have ended")
        if any(self.lengths[member] != self.epoch for member in living) or not all(
            0 < length <= self.epoch for length in self.lengths
        ):
            raise ConfigError("members without their epochs")

    def dump(self) -> bytes:
        """It as bytes, for `load`."""
        state = {
            "format": _FORMAT,
            "configs": [config.to_json() for config in self.configs],
            "epoch": self.epoch,
            "states": self.states,
            "lanes": self.lanes,
            "lengths": self.lengths,
            "facts": self.facts,
        }
        text = json.dumps(state, allow_nan=False)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self.tensors.items()}
        return safetensors.torch.save(tensors, {_KEY: text, _CHECKSUM: _checksum(text, tensors)})

    def clone(self) -> SavedPack:
        """A copy, which stays as it is while the pack trains on."""
        return dataclasses.replace(self, tensors={name: tensor.clone() for name, tensor in self.tensors.items()})

    def tensors_of(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names start with `prefix`, under the rest of their names."""
        return {name.removeprefix(prefix): found for name, found in self.tensors.items() if name.startswith(prefix)}

    def weights(self, member: int, shapes: Sequence[Shape], dtype: torch.dtype) -> list[dict[str, Tensor]]:
        """The weights at the best epoch of a member that ended, in each fold.

        Raises:
            ConfigError: they are not of these shapes, or of another type.
        """
        return [self._weights(result_key(member, fold), shape, dtype) for fold, shape in enumerate(shapes)]

    def _weights(self, prefix: str, shape: Shape, dtype: torch.dtype) -> dict[str, Tensor]:
        found = self.tensors_of(prefix)
        fits = {name: tuple(w.shape) for name, w in found.items()} == shape.parameters
        if found and not (fits and all(w.dtype == dtype for w in found.values())):
            raise ConfigError("weights of another network")
        return found

    def history(self, member: int, data: TrainingData) -> list[EpochMetrics]:
        """The epochs of a member that was trained on such data; ConfigError if they are of others."""
        table, first = self.tensors[_HISTORY], sum(self.lengths[:member])
        columns = _columns(data)
        if table.dtype != torch.float64 or tuple(table.shape) != (sum(self.lengths), len(columns)):
            raise ConfigError("epochs of another task")
        rows = table[first : first + self.lengths[member]].tolist()
        return [_epoch_metrics(epoch, dict(zip(columns, row, strict=True))) for epoch, row in enumerate(rows, start=1)]


def result_key(member: int, fold: int) -> str:
    """What the names of the weights of a member that ended begin with; folds from 0."""
    return f"fold{fold}.result{member}." if fold else f"result{member}."


def history_table(histories: Sequence[Sequence[EpochMetrics]], data: TrainingData) -> dict[str, Tensor]:
    """The epochs of all members as a tensor by name: a row each, NaN where there is no figure."""
    columns = _columns(data)
    rows = [_row(values, columns) for history in histories for values in history]
    return {_HISTORY: torch.tensor(rows, dtype=torch.float64)}


def load(content: bytes) -> SavedPack:
    """Read the output of `SavedPack.dump`.

    Raises:
        ConfigError: it is something else, damaged, or of another version.
    """
    with reading():
        tensors = safetensors.torch.load(content)
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__", {})
        text = metadata[_KEY]
        if metadata[_CHECKSUM] != _checksum(text, tensors):
            raise ConfigError("another checksum")
        return _saved(json.loads(text), tensors)


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Turn any error that a checkpoint's content raises in this block into a ConfigError."""
    try:
        yield
    except (ConfigError, *_ERRORS) as error:
        cause = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise ConfigError(f"a checkpoint must be whole, and fit its pack; found: {cause}") from error


def _saved(state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> SavedPack:
    if state["format"] != _FORMAT:
        raise ConfigError(f"format {state['format']!r} in place of {_FORMAT}")
    if not all(found in get_args(State) for found in state["states"].values()):
        raise ConfigError("members in no state that is known")
    return SavedPack(
        configs=tuple(TrialConfig.from_json(config) for config in state["configs"]),
        epoch=int(state["epoch"]),
        states={int(member): found for member, found in state["states"].items()},
        lanes=tuple(tuple(int(member) for member in lane) for lane in state["lanes"]),
        lengths=tuple(int(length) for length in state["lengths"]),
        tensors=tensors,
        facts=dict(state["facts"]),
    )


def _checksum(text: str, tensors: Mapping[str, Tensor]) -> str:
    total = zlib.crc32(text.encode())
    for name, tensor in sorted(tensors.items()):
        total = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), total)
        total = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, total)
    return f"{total:08x}"


def _columns(data: TrainingData) -> tuple[str, ...]:
    own = DEFAULT_OBJECTIVES[data.task]
    val = dict.fromkeys((own, data.objective))
    return (*_COLUMNS, f"train.{own}", *(f"val.{name}" for name in val))


def _row(values: EpochMetrics, columns: Sequence[str]) -> list[float]:
    found = {name: getattr(values, name) for name in _COLUMNS}
    found.update({f"train.{name}": value for name, value in values.train.items()})
    found.update({f"val.{name}": value for name, value in values.val.items()})
    return [float("nan") if (value := found.get(name)) is None else value for name in columns]


def _epoch_metrics(epoch: int, row: Mapping[str, float]) -> EpochMetrics:
    finite = {name: value for name, value in row.items() if value - value == 0}

    def part(prefix: str) -> dict[str, float]:
        return {name.removeprefix(prefix): value for name, value in finite.items() if name.startswith(prefix)}

    if not finite.keys() >= set(_ALWAYS):
        raise ConfigError("epochs without a rate")
    own: dict[str, Any] = {name: finite.get(name) for name in _COLUMNS}
    return EpochMetrics(epoch=epoch, train=part("train."), val=part("val."), **own)
