"""CIFAR-10 for the benchmarks, where its files are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from fcsearch.data import DatasetSpec, load_dataset

SHARED = Path(os.environ.get("FCSEARCH_SHARED", Path(__file__).parents[2] / "shared"))


def cifar10_file(folder: Path) -> Path | None:
    """Write CIFAR-10 as an NPZ file of decoded images into the folder; None, saying so, if there is none to decode.

    Decoding takes some 10 s, is no searcher's work, and each would do it again.
    """
    train, test = (SHARED / "data" / f"cifar10-{split}.parquet" for split in ("train", "test"))
    if not (train.is_file() and test.is_file()):
        print(f"skipped: CIFAR-10 needs {train}; FCSEARCH_SHARED names the folder above data/")
        return None
    spec = DatasetSpec.from_value({"source": str(train), "test": str(test), "preprocessing": "none"})
    dataset = load_dataset(spec)
    arrays: dict[str, Any] = {}
    for name, split in (("train", dataset.train), ("val", dataset.val), ("test", dataset.test)):
        arrays |= {f"X_{name}": (split.X * 255).round().astype(np.uint8), f"y_{name}": split.y}
    path = folder / "cifar10.npz"
    np.savez(path, **arrays)
    return path
