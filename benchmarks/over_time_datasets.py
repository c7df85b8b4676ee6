"""The datasets of the curve of quality over time: their rows by seed, as every contestant wants them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from cifar10 import cifar10_file
from real_tables import TABLES, Rows, Table, is_there

from fcsearch.data import DatasetSpec, load_dataset

# The space that `fcsearch run customers.csv` takes, for all contestants.
SPACE = Path(__file__).parents[1] / "search_spaces" / "default.yaml"
CIFAR10_ROWS = 20_000


@dataclasses.dataclass(frozen=True)
class Question:
    """One dataset and seed, as files.

    Attributes:
        ours: The space file for fcsearch; its dataset says which rows test.
        peers: The same for peers, which standardize numbers of tables.
        table: What a model is judged by.
        frames: Parquet files of the rows to learn from and to test on, for those who want tables; None: there are none.
        folder: For other files.
    """

    ours: Path
    peers: Path
    table: Table
    frames: tuple[Path, Path] | None
    folder: Path

    def figure(self, score: float) -> float:
        """A score, of which more is better, as the objective has it."""
        return -score if self.table.objective == "rmse" else score


@dataclasses.dataclass(frozen=True)
class Source:
    """A dataset.

    Attributes:
        table: What a model is judged by, and its rows by seed.
        dataset: The dataset of a space file, from the rows' files, the seed and a folder for more; None: it is not
            there, which was said.
        settings: The parameters that the space file has in place of SPACE's.
        tried: What its tries have in place of SPACE's.
        as_table: Whether contestants that know tables alone take part.
    """

    table: Table
    dataset: Callable[[tuple[Path, Path], int, Path], dict[str, Any] | None]
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    tried: dict[str, Any] = dataclasses.field(default_factory=dict)
    as_table: bool = True


def _digits(seed: int) -> Rows:
    """The rows that fcsearch tests on, and the others."""
    dataset = load_dataset(DatasetSpec.from_value({"source": "digits", "preprocessing": "none", "split_seed": seed}))
    train, val, test = (_frame(split.X, split.y) for split in (dataset.train, dataset.val, dataset.test))
    return Rows(pd.concat([train, val]), test)


def _frame(X: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(X, columns=[f"p{number}" for number in range(X.shape[1])]).assign(digit=y.astype(str))


def _some_of_cifar10(_: tuple[Path, Path], seed: int, folder: Path) -> dict[str, Any] | None:
    """CIFAR10_ROWS rows to learn from, which the seed chooses, and all test rows."""
    path = folder.parent / "cifar10.npz"  # decoded once
    if not path.exists() and cifar10_file(folder.parent) is None:
        return None
    with np.load(path) as arrays:
        X, y = (np.concatenate([arrays[f"{name}_train"], arrays[f"{name}_val"]]) for name in "Xy")
        rows = np.random.default_rng(seed).permutation(len(y))[:CIFAR10_ROWS]
        part = folder / "cifar10.npz"
        np.savez(part, X_train=X[rows], y_train=y[rows], X_test=arrays["X_test"], y_test=arrays["y_test"])
    return {"source": str(part), "split_seed": seed}


def _named(name: str) -> Source:
    def dataset(files: tuple[Path, Path], seed: int, _: Path) -> dict[str, Any] | None:
        train, test = map(str, files)
        return {"source": train, "test": test, "label": TABLES[name].label, "split_seed": seed}

    return Source(TABLES[name], dataset)


SOURCES = {
    "digits": Source(Table("digit", "accuracy", _digits), lambda _, seed, __: {"source": "digits", "split_seed": seed}),
    "cifar10": Source(
        Table("label", "accuracy", lambda _: Rows(pd.DataFrame(), pd.DataFrame())),
        _some_of_cifar10,
        # In half a minute nobody trains 30 epochs of such rows.
        {"epochs": {"choices": [4, 8, 12]}},
        {"epochs": 12},
        as_table=False,
    ),
    "adult": _named("adult"),
    "california": _named("california"),
}


def ask(name: str, seed: int, folder: Path) -> Question | None:
    """Write the files of a dataset into the folder; None, saying so, if its data are missing.

    The folder above keeps what is the same for all seeds.
    """
    source = SOURCES[name]
    if name in TABLES and not is_there(name):
        return None
    files = folder / "train.parquet", folder / "test.parquet"
    if source.as_table:
        rows = source.table.read(seed)
        for frame, file in zip((rows.train, rows.test), files, strict=True):
            frame.to_parquet(file, index=False)
    dataset = source.dataset(files, seed, folder)
    if dataset is None:
        return None
    space = space_of(name, dataset)
    ours = _write(space, folder / "ours.yaml")
    peers = _write({**space, "dataset": {**dataset, "preprocessing": "standardize"}}, folder / "peers.yaml")
    return Question(ours, peers, source.table, files if source.as_table else None, folder)


def space_of(name: str, dataset: dict[str, Any]) -> dict[str, Any]:
    """The space `default` as it is searched on a dataset."""
    source, space = SOURCES[name], yaml.safe_load(SPACE.read_text())
    space |= {"name": name, "dataset": dataset, "objective": source.table.objective}
    space["parameters"] |= source.settings
    space["tries"] = [{**tried, **source.tried} for tried in space["tries"]]
    return dict(space)


def _write(space: dict[str, Any], path: Path) -> Path:
    path.write_text(yaml.safe_dump(space, sort_keys=False))
    return path
