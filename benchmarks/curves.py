"""Tables of learning curves: random configurations trained to their end, on which searches are replayed (replay.py)."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import optuna
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from common import RESULTS, chosen, machine
from curve_cases import CASES, MissingDataError

from fcsearch.config import TrialConfig
from fcsearch.data import Dataset
from fcsearch.space import SearchSpace
from fcsearch.space.parameters import Constant
from fcsearch.training import MemberResult, TrainingData, train_pack

FOLDER = RESULTS / "curves"
_PACK = 16  # members: more gain nothing on a CPU


@click.command()
@click.option("--cases", default=",".join(CASES), show_default=True)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    help="Configurations of each. Default: 1,000, or 500 of tasks for portfolios.",
)
@click.option("--folder", type=click.Path(path_type=Path), default=FOLDER, show_default="benchmarks/results/curves")
def main(cases: str, count: int | None, folder: Path) -> None:
    """Draw configurations at random and train them all to the end.

    A row is a configuration: its parameters, the validation figure after each epoch, and seconds an epoch on one core.
    Seconds are CPU time, so that other work on the machine does not count.

    \b
    Example:
      python benchmarks/curves.py --cases digits-default --count 20 --folder /tmp/curves
    """
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    for name in chosen(cases, CASES):
        case, began = CASES[name], time.perf_counter()
        try:
            dataset = case.rows()
        except MissingDataError as error:
            print(f"skipped: {name} {error}")
            continue
        table = train(case.search_space(dataset), dataset, count or case.count)
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd", compression_level=19)
        print(f"{name}: {len(table)} configurations in {time.perf_counter() - began:.0f} s", flush=True)


def train(space: SearchSpace, dataset: Dataset, count: int) -> pa.Table:
    """Draw so many configurations, train them, and make a table of what came of them."""
    drawn = draw(space, count)
    data = TrainingData.from_arrays(**dataset.training_arrays(space.known_objective.name))
    # Alike ones train fastest beside each other; no trial's result depends on that.
    order = sorted(range(count), key=lambda i: str(drawn[i][1].lane_key))
    found: dict[int, tuple[MemberResult, float]] = {}
    for first in range(0, count, _PACK):
        members = order[first : first + _PACK]
        wall, cpu = time.perf_counter(), time.process_time()
        results = train_pack([drawn[i][1] for i in members], data)
        share = (time.process_time() - cpu) / (time.perf_counter() - wall)
        found |= {i: (result, share) for i, result in zip(members, results, strict=True)}
        print(f"{len(found)} of {count}", end="\r", flush=True)
    return as_table(space, [drawn[i][0] for i in range(count)], [found[i] for i in range(count)], dataset)


def draw(space: SearchSpace, count: int) -> list[tuple[dict[str, Any], TrialConfig]]:
    """Values, and the configurations that they make, drawn at random: the same ones every time."""
    study = optuna.create_study(study_name="curves", sampler=optuna.samplers.RandomSampler(seed=0))
    values = [space.suggest(study.ask()) for _ in range(count)]
    return [(found, space.trial_config(found, seed=0)) for found in values]


def as_table(
    space: SearchSpace,
    values: Sequence[dict[str, Any]],
    results: Sequence[tuple[MemberResult, float]],
    dataset: Dataset,
) -> pa.Table:
    """The searched parameters, `val` (float32, by epoch; it ends where the trial diverged) and `seconds` an epoch."""
    name = space.known_objective.name
    searched = [key for key, parameter in space.parameters.items() if not isinstance(parameter, Constant)]
    columns: dict[str, Any] = {key: [found.get(key) for found in values] for key in searched}
    curves = [[round(e.val[name], 5) for e in result.epochs if name in e.val] for result, _ in results]
    columns["val"] = pa.array(curves, pa.list_(pa.float32()))
    seconds = [share * float(np.mean([e.seconds for e in result.epochs])) for result, share in results]
    columns["seconds"] = pa.array([float(f"{value:.3g}") for value in seconds], pa.float32())
    facts = {
        "space": {**space.to_json(), "dataset": "digits"},
        "rows": {part: len(getattr(dataset, part)) for part in ("train", "val")},
        "features": dataset.input_dim,
        "seed": 0,
        "machine": machine(),
        "date": time.strftime("%Y-%m-%d"),
    }
    return pa.table(columns).replace_schema_metadata({"curves": json.dumps(facts)})


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    main()
