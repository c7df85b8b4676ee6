"""A dataset that is ready to train on."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.data.facts import ColumnFacts
from fcsearch.data.spec import DatasetSpec
from fcsearch.data.transform import FeatureTransform


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
        transform: What made the features, for later rows.
        fingerprint: 16 hex digits of a sha256 over contents, split and preprocessing; equal on every machine.
        image_shape: (height, width, channels) where a row is an image, else None. Pixels lie in that order in X.
        columns: Every column of the source, where it is a table.
        details: What the manifest says of the source beyond this (JSON types).
    """

    spec: DatasetSpec
    name: str
    train: Split
    val: Split
    test: Split
    class_names: tuple[str, ...]
    transform: FeatureTransform
    fingerprint: str
    image_shape: tuple[int, int, int] | None = None
    columns: tuple[ColumnFacts, ...] = ()
    details: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def input_dim(self) -> int:
        """Number of features D."""
        return int(self.train.X.shape[1])

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def left_out(self) -> str:
        """The columns that are not used, though nobody asked for that, and why, for people; empty if all are."""
        reasons: dict[str, list[str]] = {}
        for column in self.columns:
            if column.use == "ignored":
                reasons.setdefault(column.why, []).append(column.title)
        return "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())

    def model_metadata(self) -> dict[str, Any]:
        """What a saved model says of the dataset that it learned from (JSON types)."""
        return {
            "input_dim": self.input_dim,
            "num_classes": self.num_classes,
            "class_names": list(self.class_names),
            "dataset": self.fingerprint,
            "preprocessing": self.spec.preprocessing,
        }

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
            "class_counts": {
                name: np.bincount(split.y, minlength=self.num_classes).tolist()
                for name, split in (("train", self.train), ("val", self.val), ("test", self.test))
            },
            "image_shape": None if self.image_shape is None else list(self.image_shape),
            **self.details,
        }
