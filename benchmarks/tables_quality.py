"""What each preprocessing of a table's numbers is worth: searches of the default space on real tables, and a peer."""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from common import chosen, keep_option, print_table, save
from marks import markdown
from real_tables import TABLES, Rows, Table, is_there, score
from tables_peers import learn, lines

import fcsearch
from fcsearch.data.sources.in_memory import match_memory
from fcsearch.inference.choosing import choose_model
from fcsearch.space import SearchSpace, load_space, shipped_space

ENCODINGS: dict[str, dict[str, Any]] = {
    "standardize": {"preprocessing": "standardize"},
    "quantile": {"preprocessing": "quantile"},
    "robust": {"preprocessing": "robust"},
    "piecewise": {"preprocessing": "piecewise"},
    "piecewise-48": {"preprocessing": "piecewise", "bins": 48},
}
# Searches that choose it: what they add to the parameters of the space.
SEARCHED: dict[str, dict[str, str]] = {
    "searched": {
        "preprocessing": "{choices: [standardize, quantile, robust, piecewise]}",
        "bins": "{choices: [8, 16, 48]}",
    },
    "periodic": {"preprocessing": "periodic", "frequency_scale": "{low: 0.1, high: 2, log: true}"},
    "searched bins": {"preprocessing": "piecewise", "bins": "{choices: [16, 48, 96]}"},
}
PEER = "gradient boosting"


@click.command()
@click.option("--tables", default=",".join(TABLES), show_default=True)
@click.option("--encodings", default=",".join(ENCODINGS), show_default=True, help=f"Also {', '.join(SEARCHED)}.")
@click.option("--space", "shipped", default="default", show_default=True, help="A space that ships.")
@click.option("--rows", "most", type=int, help="Train and validate on so many rows at most.")
@click.option("--seeds", default=3, show_default=True, help="Searches of each, with seeds 0, 1, ...")
@click.option("--trials", default=24, show_default=True)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the space: parameters.epochs=10.")
@keep_option
def main(
    tables: str,
    encodings: str,
    shipped: str,
    most: int | None,
    seeds: int,
    trials: int,
    overrides: tuple[str, ...],
    keep: bool,
) -> None:
    """Search a space under each preprocessing, and measure the best network on test rows.

    A line of JSON is printed for each search, then a table. Seeds change the test rows (not adult's, which are
    official), the split of the others, the sampler and the training.

    \b
    Example:
      python benchmarks/tables_quality.py --tables adult --set parameters.epochs=10
    """
    for name in chosen(tables, TABLES):
        if not is_there(name):
            continue
        space = load_space(shipped_space(shipped), overrides=[f"objective={TABLES[name].objective}", *overrides])
        found: list[dict[str, Any]] = []
        for seed in range(seeds):
            rows = TABLES[name].read(seed)
            if most is not None:
                rows = dataclasses.replace(rows, train=rows.train.sample(min(most, len(rows.train)), random_state=seed))
            found.append({"table": name, "encoding": PEER, "seed": seed, **boosting(TABLES[name], rows, seed)})
            print(json.dumps(found[-1]), flush=True)
            for encoding in chosen(encodings, (*ENCODINGS, *SEARCHED)):
                more = [f"parameters.{key}={value}" for key, value in SEARCHED.get(encoding, {}).items()]
                run = search(TABLES[name], rows, seed, space.changed(more), trials, ENCODINGS.get(encoding, {}))
                found.append({"table": name, "encoding": encoding, "seed": seed, **run})
                print(json.dumps(found[-1]), flush=True)
        table = lines(found, "encoding")
        print_table(f"{name}: {TABLES[name].objective} of the test rows, mean ± deviation of {seeds} seeds", table)
        print(markdown(list(table[0]), (list(line.values()) for line in table)))
        if keep:
            print(save(f"tables-quality-{name}", {"trials": trials, "overrides": list(overrides), "searches": found}))


def search(
    table: Table, rows: Rows, seed: int, space: SearchSpace, trials: int, options: Mapping[str, Any]
) -> dict[str, Any]:
    """One search, and what its best network and its ensemble are worth on the test rows."""
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
    found: dict[str, Any] = {"seconds": round(time.perf_counter() - began, 1)}
    for model, prefix in (("best", ""), ("ensemble", "ensemble's ")):
        predictor = choose_model(str(run.path), model, run.path.parent).predictor
        X = match_memory(predictor.transform, rows.test.drop(columns=table.label)).X
        value = score(table, rows.test[table.label], predictor.values(X), predictor.transform.class_names)
        found |= {prefix + name: figure for name, figure in value.items()}
    return found


def boosting(table: Table, rows: Rows, seed: int) -> dict[str, Any]:
    """scikit-learn's gradient boosting, with early stopping, on the same rows."""
    with tempfile.TemporaryDirectory(prefix="tables-") as folder:
        files = (Path(folder) / "train.parquet", Path(folder) / "test.parquet")
        for frame, file in zip((rows.train, rows.test), files, strict=True):
            frame.to_parquet(file, index=False)
        seconds, values, classes = learn(PEER, table, files, seed, 0, sys.executable)
    return {"seconds": seconds, **score(table, rows.test[table.label], values, classes)}


if __name__ == "__main__":
    main()
