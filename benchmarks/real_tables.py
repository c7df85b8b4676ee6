"""The tables of the benchmarks: which rows learn, which test, and what a model is judged by."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from cifar10 import SHARED
from sklearn.metrics import accuracy_score, average_precision_score, log_loss, root_mean_squared_error

# Of classes, in the order of the columns of probabilities.
Names = Sequence[str] | npt.NDArray[np.str_]
FOLDER = SHARED / "data" / "tables"


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows to learn from, and rows to test on; a column is the label."""

    train: pd.DataFrame
    test: pd.DataFrame


@dataclasses.dataclass(frozen=True)
class Table:
    """A table, and how a model of it is judged.

    Attributes:
        label: The column to predict.
        objective: What searches go by, and what the test rows are measured by.
        read: Its rows, by seed.
        positive: The class that average precision is of.
    """

    label: str
    objective: str
    read: Callable[[int], Rows]
    positive: str | None = None


def adult(_: int) -> Rows:
    """The official split."""
    return Rows(*(pd.read_parquet(FOLDER / f"adult-{part}.parquet") for part in ("train", "test")))


def california(seed: int) -> Rows:
    """The eight features and the unit of papers; a fifth of the rows tests."""
    frame = pd.read_csv(FOLDER / "california.csv")
    made = frame[["median_income", "housing_median_age", "population", "latitude", "longitude"]].copy()
    made["rooms"] = frame.total_rooms / frame.households
    made["bedrooms"] = frame.total_bedrooms / frame.households
    made["occupants"] = frame.population / frame.households
    made["value"] = frame.median_house_value / 100_000
    return _split(made, seed)


def mammography(seed: int) -> Rows:
    """A fifth of the rows tests."""
    return _split(pd.read_csv(FOLDER / "mammography.csv"), seed)


def _split(frame: pd.DataFrame, seed: int) -> Rows:
    order = np.random.default_rng(seed).permutation(len(frame))
    first = len(frame) - len(frame) // 5
    return Rows(frame.iloc[order[:first]], frame.iloc[order[first:]])


TABLES = {
    "california": Table("value", "rmse", california),
    "mammography": Table("class", "average_precision", mammography, "calcification"),
    "adult": Table("income", "accuracy", adult),
}


def is_there(name: str) -> bool:
    """Whether a table's files are; else says so."""
    there = (FOLDER / f"{name}.csv").is_file() or (FOLDER / f"{name}-test.parquet").is_file()
    if not there:
        print(f"skipped: {name} needs {FOLDER}; FCSEARCH_SHARED names the folder above data/")
    return there


def score(table: Table, y: pd.Series, values: npt.NDArray[Any], classes: Names) -> dict[str, float]:
    """The objective, and of classes the log loss."""
    if table.objective == "rmse":
        return {"rmse": float(root_mean_squared_error(y, values[:, 0]))}
    if table.objective == "accuracy":
        value = float(accuracy_score(y, np.array(classes)[values.argmax(1)]))
    else:
        value = float(average_precision_score(y == table.positive, values[:, list(classes).index(str(table.positive))]))
    return {table.objective: value, "log_loss": float(log_loss(y, values, labels=list(classes)))}
