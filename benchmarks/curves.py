"""Tables of learning curves: random configurations trained to their end, on which searches are replayed (replay.py)."""

from __future__ import annotations

import dataclasses
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import optuna
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from cifar10 import SHARED, cifar10_file
from common import RESULTS, chosen, machine
from real_tables import california

from fcsearch.config import TrialConfig
from fcsearch.data import Dataset, DatasetSpec, load_dataset
from fcsearch.data.loading import dataset_in_memory
from fcsearch.space import SearchSpace, load_space
from fcsearch.space.parameters import Constant
from fcsearch.training import MemberResult, TrainingData, train_pack

FOLDER = RESULTS / "curves"
_CUT: dict[str, Any] = {"preprocessing": "standardize", "num_train": 2000, "num_val": 2000}
_PACK = 16  # members: more gain nothing on a CPU


def digits_rows() -> Dataset:
    """The whole of it: 1,257 rows to learn from, 270 to validate on."""
    return load_dataset(DatasetSpec("digits"))


def adult_rows() -> Dataset | None:
    """2,000 rows to learn from, 2,000 to validate on."""
    file = SHARED / "data" / "tables" / "adult-train.parquet"
    if not file.is_file():
        return None
    return load_dataset(
        DatasetSpec(str(file), label="income", preprocessing="standardize", num_train=2000, num_val=2000)
    )


def california_rows() -> Dataset | None:
    """2,000 rows to learn from, 2,000 to validate on."""
    if not (SHARED / "data" / "tables" / "california.csv").is_file():
        return None
    return dataset_in_memory(california(0).train, spec=DatasetSpec("memory:", label="value", **_CUT))


def cifar10_rows() -> Dataset | None:
    """2,500 images to learn from, 900 to validate on, at half their resolution: four pixels become their mean."""
    with tempfile.TemporaryDirectory() as folder:
        file = cifar10_file(Path(folder))
        if file is None:
            return None
        with np.load(file) as arrays:
            images, labels = arrays["X_train"][:6000], arrays["y_train"][:6000]
    small = images.reshape(-1, 16, 2, 16, 2, 3).mean(axis=(2, 4)).reshape(len(images), -1)
    spec = DatasetSpec("memory:", num_train=2500, num_val=900)
    return dataset_in_memory(small, labels, spec)


@dataclasses.dataclass(frozen=True)
class Case:
    """A table that can be made.

    Attributes:
        rows: Loads the data; None where they are missing.
        count: Configurations.
    """

    rows: Callable[[], Dataset | None]
    count: int


SPACE = Path(__file__).parents[1] / "search_spaces" / "default.yaml"
# Wider nets take most of the time, and search no differently.
NARROW = "parameters.hidden_dim={choices: [32, 64, 128]}"
CASES = {
    "digits-default": Case(digits_rows, 600),
    "adult-default": Case(adult_rows, 400),
    "california-default": Case(california_rows, 400),
    "cifar10-default": Case(cifar10_rows, 400),
}


@click.command()
@click.option("--cases", default=",".join(CASES), show_default=True)
@click.option("--count", type=click.IntRange(min=1), help="Configurations of each. Default: 400 or 600.")
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
        dataset = case.rows()
        if dataset is None:
            print(f"skipped: {name} needs {SHARED / 'data'}; FCSEARCH_SHARED names the folder above data/")
            continue
        space = load_space(SPACE, overrides=[NARROW]).for_task(dataset.task)
        table = train(space, dataset, count or case.count)
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
