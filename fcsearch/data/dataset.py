"""A dataset that is ready to train on."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.data.rows import Column
from fcsearch.data.spec import DatasetSpec


@dataclasses.dataclass(frozen=True)
class Split:
    """Rows of one split.

    Attributes:
        X: (N, D) float32, C-contiguous.
        y: (N,) int64, classes from 0.
    """

    X: npt.NDArray[np.float32]
    y: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Three splits of one source, scaled alike.

    Attributes:
        spec: What was asked for.
        name: Short name for tables and reports.
        train: Rows to train on.
        val: Rows that choose between configurations.
        test: Rows for the one final estimate; empty only with `test_fraction: 0`.
        class_names: Name of each class.
        fingerprint: 16 hex digits of a sha256 over contents, split and preprocessing; equal on every machine.
        image_shape: (height, width, channels) where a row is an image, else None. Pixels lie in that order in X.
        details: What the manifest says of the source beyond this (JSON types).
        columns: The columns that became features, where the source is a table of numbers and categories; else empty.
    """

    spec: DatasetSpec
    name: str
    train: Split
    val: Split
    test: Split
    class_names: tuple[str, ...]
    fingerprint: str
    image_shape: tuple[int, int, int] | None = None
    details: dict[str, Any] = dataclasses.field(default_factory=dict)
    columns: tuple[Column, ...] = ()

    @property
    def input_dim(self) -> int:
        """Number of features D."""
        return int(self.train.X.shape[1])

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def describe(self) -> dict[str, Any]:
        """What the manifest keeps of the dataset (JSON types)."""
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "spec": self.spec.to_json(),
            "rows": {"train": len(self.train), "val": len(self.val), "test": len(self.test)},
            "input_dim": self.input_dim,
            "num_classes": self.num_classes,
            "class_names": list(self.class_names),
            "image_shape": None if self.image_shape is None else list(self.image_shape),
            **self.details,
        }
