"""The rows that a pack learns from, resident on its device, and the minibatches drawn from them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from fcsearch.errors import DataError
from fcsearch.nn.random import generator

# Rows are gathered for several steps at once, as many as fit this size, so that one gather serves every lane.
_CHUNK_BYTES = 4 * 2**20
# Training accuracy is measured on as many rows as validation has, at most this many (the seed's num_train_samples).
_TRAIN_SAMPLE = 1000
# Rows that are evaluated at once: few enough that a layer's activations stay near a CPU's cache.
_EVALUATED_ROWS = 384


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """Training and validation rows on one device.

    Attributes:
        X_train: (N, D) features, float32 or float64.
        y_train: (N,) int64 labels in [0, num_classes).
        X_val: (V, D) features.
        y_val: (V,) labels.
        num_classes: Number of classes C.
    """

    X_train: Tensor
    y_train: Tensor
    X_val: Tensor
    y_val: Tensor
    num_classes: int

    def __post_init__(self) -> None:
        for name, X, y in (("training", self.X_train, self.y_train), ("validation", self.X_val, self.y_val)):
            if X.dim() != 2 or y.dim() != 1 or len(X) != len(y) or len(X) == 0:
                raise DataError(
                    f"the {name} split must be features (N, D) and labels (N,) with N at least 1;"
                    f" found {tuple(X.shape)} and {tuple(y.shape)}"
                )
        if self.X_train.shape[1] != self.X_val.shape[1]:
            raise DataError(
                "training and validation rows must have equally many features;"
                f" found {self.X_train.shape[1]} and {self.X_val.shape[1]}"
            )

    @classmethod
    def from_arrays(
        cls,
        X_train: Any,
        y_train: Any,
        X_val: Any,
        y_val: Any,
        *,
        num_classes: int,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> TrainingData:
        """Take NumPy arrays or tensors to the device; nothing is copied that is already there in the right type."""

        def features(X: Any) -> Tensor:
            return torch.as_tensor(X).to(device=device, dtype=dtype)

        def labels(y: Any) -> Tensor:
            return torch.as_tensor(y).to(device=device, dtype=torch.int64)

        return cls(features(X_train), labels(y_train), features(X_val), labels(y_val), num_classes)

    @property
    def input_dim(self) -> int:
        """Number of features D."""
        return self.X_train.shape[1]

    @property
    def device(self) -> torch.device:
        """Where the rows are, and so where packs train."""
        return self.X_train.device

    @property
    def dtype(self) -> torch.dtype:
        """The type that packs compute in."""
        return self.X_train.dtype

    @property
    def rows(self) -> tuple[int, int]:
        """Rows of the training sample, on which training accuracy is measured, and of validation."""
        return min(len(self.X_val), len(self.X_train), _TRAIN_SAMPLE), len(self.X_val)

    @functools.cached_property
    def train_sample(self) -> list[Batch]:
        """The first training rows, on which every trial's training accuracy is measured."""
        return self._batches(self.X_train[: self.rows[0]], self.y_train[: self.rows[0]])

    @functools.cached_property
    def validation(self) -> list[Batch]:
        """The validation rows."""
        return self._batches(self.X_val, self.y_val)

    def _batches(self, X: Tensor, y: Tensor) -> list[Batch]:
        """Rows in parts of nearly equal size: of two sizes at most."""
        parts = zip(
            torch.tensor_split(X, -(-len(X) // _EVALUATED_ROWS)),
            torch.tensor_split(y, -(-len(y) // _EVALUATED_ROWS)),
            strict=True,
        )
        return [Batch(x, labels, one_hot(labels.unsqueeze(0), self.num_classes, self.dtype)) for x, labels in parts]


@dataclasses.dataclass(frozen=True)
class Batch:
    """Rows `x` (N, D), their labels (N,), and the same one-hot and class-first, `targets` (C, N)."""

    x: Tensor
    labels: Tensor
    targets: Tensor


class Minibatches:
    """The minibatches of one seed and batch size; the order of an epoch depends on these and the epoch alone.

    As in the seed's Solver an epoch has N // batch_size steps (at least one); the rows left over differ from epoch to
    epoch, since each epoch is a new permutation.

    Args:
        data: The rows.
        seed: Key of the order.
        batch_size: Rows a step; more than there are means all of them.
    """

    def __init__(self, data: TrainingData, *, seed: int, batch_size: int) -> None:
        self._data = data
        self._seed = seed
        self.batch_size = min(batch_size, len(data.X_train))
        self.steps = len(data.X_train) // self.batch_size
        row_bytes = data.input_dim * data.X_train.element_size()
        self._chunk_steps = max(1, min(self.steps, _CHUNK_BYTES // (row_bytes * self.batch_size)))

    def epoch(self, epoch: int) -> Iterator[list[Batch]]:
        """Yield the steps of an epoch (from 1), in chunks that are gathered together."""
        data, size = self._data, self.batch_size
        order = torch.randperm(len(data.X_train), generator=generator(self._seed, "order", epoch)).to(data.device)
        for first in range(0, self.steps, self._chunk_steps):
            steps = min(self._chunk_steps, self.steps - first)
            rows = order[first * size : (first + steps) * size]
            x = data.X_train.index_select(0, rows).view(steps, size, -1)
            labels = data.y_train.index_select(0, rows).view(steps, 1, size)
            targets = one_hot(labels, data.num_classes, data.dtype)
            yield [Batch(*tensors) for tensors in zip(x, labels.squeeze(1), targets, strict=True)]


def one_hot(labels: Tensor, num_classes: int, dtype: torch.dtype) -> Tensor:
    """Class-first one-hot targets (..., C, N) of labels (..., 1, N)."""
    classes = torch.arange(num_classes, device=labels.device).unsqueeze(1)
    return (labels == classes).to(dtype)
