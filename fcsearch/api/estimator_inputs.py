"""What the estimators make of their arguments."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from fcsearch.config.objective import Task


def missing_labels(y: npt.NDArray[Any]) -> int:
    """How many labels are None, NaN, or what pandas has for them."""
    if y.dtype.kind == "f":
        return int(np.isnan(y).sum())
    if y.dtype.kind != "O":
        return 0
    return sum(value is None or (not isinstance(value, str) and str(value) in ("nan", "<NA>", "NaT")) for value in y)


def validation_share(wanted: float, targets: npt.NDArray[Any], task: Task) -> float:
    """The share of the rows that is held out: of classes, a stratified share has a row of each, even of small ones."""
    if task == "regression":
        return wanted
    count, classes = len(targets), len(np.unique(targets))
    return max(wanted, (classes + 0.5) / count) if count > 2 * classes else 0.5


def free_name(taken: Sequence[str]) -> str:
    """A name for the label that no column has."""
    return next(name for count in itertools.count() if (name := "y" + "_" * count) not in taken)


def seed_of(random_state: int | np.random.RandomState | None) -> int:
    """A seed, as scikit-learn's estimators take it."""
    if isinstance(random_state, (int, np.integer)):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31))
