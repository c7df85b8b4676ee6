"""The rows of a dataset as they travel to what trains: arrays, and what must be known of them."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

import numpy as np
import numpy.typing as npt

from fcsearch.config import InputForm


class TrainingArrays(TypedDict):
    """The arguments of `TrainingData.from_arrays`, which explains them."""

    X_train: npt.NDArray[Any]
    y_train: npt.NDArray[Any]
    X_val: npt.NDArray[Any]
    y_val: npt.NDArray[Any]
    numbers: int
    num_classes: int
    objective: str
    positive: int
    target_scale: float
    row_weights: npt.NDArray[np.float64] | None
    form: InputForm
    others: NotRequired[list[TrainingArrays]]
    forms: NotRequired[list[TrainingArrays]]
