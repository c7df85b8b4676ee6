"""Short searches by the Python API, of a small table."""

from typing import Any

import numpy as np
import pyarrow as pa

import fcsearch

SPACE: dict[str, Any] = {
    "parameters": {
        "learning_rate": {"low": 0.003, "high": 0.03, "log": True},
        "update_rule": "adam",
        "epochs": 15,
        "hidden_dim": 16,
        "batch_size": 16,
        "dropout": 0.1,
        "activation": {"choices": ["relu", "gelu"]},
    }
}


def table(count: int = 200) -> pa.Table:
    """The class follows from a number and a text; another number has gaps."""
    random = np.random.default_rng(0)
    size, shape = random.normal(size=count), random.choice(["flat", "round"], count)
    noise = [None if row % 9 == 0 else float(value) for row, value in enumerate(random.normal(size=count))]
    kind = np.where((size > 0) & (shape == "round"), "apple", "leaf")
    return pa.table({"size": size, "shape": shape, "noise": noise, "kind": kind})


def search(X: Any, y: Any = None, **options: Any) -> fcsearch.Run:
    """A short search in Python."""
    return fcsearch.search(X, y, **{"space": SPACE, "trials": 2, "pool": "inline", "seed": 1, **options})
