"""What each preprocessing of a table's numbers is worth: searches of the default space on real tables, and a peer."""

from __future__ import annotations

import dataclasses
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import pandas as pd
from cifar10 import SHARED
from common import chosen, print_table, save
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import accuracy_score, average_precision_score, log_loss, root_mean_squared_error

import fcsearch
from fcsearch.data.sources.memory import match_memory
from fcsearch.inference.choosing import choose_model
from fcsearch.space import SearchSpace, load_space, shipped_space

sys.path.append(str(Path(__file__).parent / "experiments"))

from marks import markdown

FOLDER = SHARED / "data" / "tables"
ENCODINGS: dict[str, dict[str, Any]] = {
    "standardize": {"preprocessing": "standardize"},
    "quantile": {"preprocessing": "quantile"},
    "robust": {"preprocessing": "robust"},
    "piecewise": {"preprocessing": "piecewise"},
    "piecewise-48": {"preprocessing": "piecewise", "bins": 48},
}
PEER = "gradient boosting"


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


@click.command()
@click.option("--tables", default=",".join(TABLES), show_default=True)
@click.option("--encodings", default=",".join(ENCODINGS), show_default=True)
@click.option("--seeds", default=3, show_default=True, help="Searches of each, with seeds 0, 1, ...")
@click.option("--trials", default=24, show_default=True)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the space: parameters.epochs=10.")
@click.option("--save/--no-save", "keep", default=True, help="Whether figures go to benchmarks/results.")
def main(tables: str, encodings: str, seeds: int, trials: int, overrides: tuple[str, ...], keep: bool) -> None:
    """Search the default space under each preprocessing, and measure the best network on test rows.

    A line of JSON is printed for each search, then a table. Seeds change the test rows (not adult's, which are
    official), the split of the others, the sampler and the training.

    \b
    Example:
      python benchmarks/tables_quality.py --tables adult --set parameters.epochs=10
    """
    for name in chosen(tables, TABLES):
        if not (FOLDER / f"{name}.csv").is_file() and not (FOLDER / f"{name}-test.parquet").is_file():
            print(f"skipped: {name} needs {FOLDER}; FCSEARCH_SHARED names the folder above data/")
            continue
        space = load_space(shipped_space("default"), overrides=[f"objective={TABLES[name].objective}", *overrides])
        found: list[dict[str, Any]] = []
        for seed in range(seeds):
            rows = TABLES[name].read(seed)
            found.append({"table": name, "encoding": PEER, "seed": seed, **boosting(TABLES[name], rows, seed)})
            print(json.dumps(found[-1]), flush=True)
            for encoding in chosen(encodings, ENCODINGS):
                run = search(TABLES[name], rows, seed, space, trials, ENCODINGS[encoding])
                found.append({"table": name, "encoding": encoding, "seed": seed, **run})
                print(json.dumps(found[-1]), flush=True)
        lines = table(found)
        print_table(f"{name}: {TABLES[name].objective} of the test rows, mean ± deviation of {seeds} seeds", lines)
        print(markdown(list(lines[0]), (list(line.values()) for line in lines)))
        if keep:
            print(save(f"tables-quality-{name}", {"trials": trials, "overrides": list(overrides), "searches": found}))


def search(
    table: Table, rows: Rows, seed: int, space: SearchSpace, trials: int, options: Mapping[str, Any]
) -> dict[str, Any]:
    """One search, and what its best network is worth on the test rows."""
    began = time.perf_counter()
    run = fcsearch.search(
        rows.train,
        label=table.label,
        space=space,
        trials=trials,
        seed=seed,
        confirm=0,
        dataset={"test_fraction": 0, "split_seed": seed, **options},
    )
    found = {"seconds": round(time.perf_counter() - began, 1)}
    predictor = choose_model(str(run.path), "best", run.path.parent).predictor
    X = match_memory(predictor.transform, rows.test.drop(columns=table.label))
    return {**found, **score(table, rows.test[table.label], predictor.values(X), predictor.transform.class_names)}


def boosting(table: Table, rows: Rows, seed: int) -> dict[str, Any]:
    """scikit-learn's gradient boosting, with early stopping, on the same rows."""
    began = time.perf_counter()
    X, X_test = (part.drop(columns=table.label) for part in (rows.train, rows.test))
    texts = X.select_dtypes(exclude="number").columns
    X, X_test = (part.astype(dict.fromkeys(texts, "category")) for part in (X, X_test))
    options: dict[str, Any] = {
        "learning_rate": 0.06,
        "max_iter": 1000,
        "early_stopping": True,
        "random_state": seed,
        "categorical_features": "from_dtype",
    }
    if table.objective == "rmse":
        model = HistGradientBoostingRegressor(**options).fit(X, rows.train[table.label])
        values, classes = model.predict(X_test)[:, None], ()
    else:
        model = HistGradientBoostingClassifier(**options).fit(X, rows.train[table.label])
        values, classes = model.predict_proba(X_test), tuple(model.classes_)
    value = score(table, rows.test[table.label], values, classes)
    return {"seconds": round(time.perf_counter() - began, 1), **value}


def score(table: Table, y: pd.Series, values: npt.NDArray[Any], classes: Sequence[str]) -> dict[str, float]:
    """The objective, and of classes the log loss."""
    if table.objective == "rmse":
        return {"rmse": float(root_mean_squared_error(y, values[:, 0]))}
    if table.objective == "accuracy":
        value = float(accuracy_score(y, np.array(classes)[values.argmax(1)]))
    else:
        value = float(average_precision_score(y == table.positive, values[:, list(classes).index(str(table.positive))]))
    return {table.objective: value, "log_loss": float(log_loss(y, values, labels=list(classes)))}


def table(found: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """One line an encoding."""
    lines = []
    for encoding in dict.fromkeys(entry["encoding"] for entry in found):
        runs = [entry for entry in found if entry["encoding"] == encoding]
        line = {"preprocessing": encoding}
        for name in ("rmse", "accuracy", "average_precision", "log_loss"):
            if name in runs[0]:
                line[name] = _mean([run[name] for run in runs])
        lines.append({**line, "seconds": f"{statistics.mean(run['seconds'] for run in runs):.0f}"})
    return lines


def _mean(values: Sequence[float]) -> str:
    deviation = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{deviation}"


if __name__ == "__main__":
    main()
