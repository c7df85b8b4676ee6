"""The searches of which curves.py makes tables: data, cut to rows that train in seconds, and a shipped space."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import real_tables
from cifar10 import SHARED, cifar10_file

from fcsearch.config.objective import Task
from fcsearch.data import Dataset, DatasetSpec, load_dataset
from fcsearch.data.loading import dataset_in_memory
from fcsearch.space import SearchSpace, load_space

_SPACES = Path(__file__).parents[1] / "search_spaces"
_TRAIN, _VAL = 2000, 2400  # of mammography 1,300: its validation rows are no more
_MISSING = f"needs {SHARED / 'data'}; FCSEARCH_SHARED names the folder above data/"


class MissingDataError(Exception):
    """The files of a case are not on this machine."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A table that can be made.

    Attributes:
        rows: Loads the data.
        space: A shipped space, by name.
        overrides: What of the space is set otherwise.
        count: Configurations.
    """

    rows: Callable[[], Dataset]
    space: str
    overrides: tuple[str, ...] = ()
    count: int = 1000

    def search_space(self, dataset: Dataset) -> SearchSpace:
        """The space of the rows."""
        return load_space(_SPACES / f"{self.space}.yaml", overrides=self.overrides).for_task(dataset.task)


def digits() -> Dataset:
    """The whole of it: 1,257 rows to learn from, 270 to validate on."""
    return load_dataset(DatasetSpec("digits"))


def cifar10() -> Dataset:
    """2,500 images to learn from, 2,000 to validate on, at half their resolution: four pixels become their mean."""
    with tempfile.TemporaryDirectory() as folder:
        file = cifar10_file(Path(folder))
        if file is None:
            raise MissingDataError(_MISSING)
        with np.load(file) as arrays:
            images, labels = arrays["X_train"][:14_000], arrays["y_train"][:14_000]
    small = images.reshape(-1, 16, 2, 16, 2, 3).mean(axis=(2, 4)).reshape(len(images), -1)
    return dataset_in_memory(small, labels, DatasetSpec("memory:", num_train=2500, num_val=2000))


def table(name: str, label: str, *, task: Task | None = None, num_val: int = _VAL) -> Callable[[], Dataset]:
    """Rows of a table of `shared/data`, of which any column can be the label."""

    def rows() -> Dataset:
        try:
            frame: pd.DataFrame = real_tables.TABLES[name].read(0).train
        except FileNotFoundError as error:
            raise MissingDataError(_MISSING) from error
        spec = DatasetSpec("memory:", label=label, task=task, num_train=_TRAIN, num_val=num_val)
        return dataset_in_memory(frame.dropna(subset=label), spec=spec)

    return rows


# The data of the comparison.
_DATA: dict[str, Callable[[], Dataset]] = {
    "digits": digits,
    "adult": table("adult", "income"),
    "california": table("california", "value"),
    "cifar10": cifar10,
}
# Further tasks, most of the same files, from which a portfolio can be learned.
_BESIDE: dict[str, Callable[[], Dataset]] = {
    "adult_hours": table("adult", "hours_per_week", task="regression"),
    "adult_occupation": table("adult", "occupation"),
    "california_income": table("california", "median_income"),
    "california_age": table("california", "housing_median_age", task="regression"),
    "mammography": table("mammography", "class", num_val=1300),
}
# As many losses as classifications have, so that the other values are drawn alike.
_LOSS = {"california": ("parameters.loss={choices: [squared, absolute]}",)}
CASES = {
    **{f"{name}-default": Case(rows, "default") for name, rows in _DATA.items()},
    **{f"{name}-default": Case(rows, "default", count=500) for name, rows in _BESIDE.items()},
    **{f"{name}-full": Case(rows, "full", _LOSS.get(name, ())) for name, rows in _DATA.items()},
}
