"""Epochs of whole packs on a GPU: steps replayed as CUDA graphs, against the same operations launched one by one."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from statistics import median

import click
import torch
from common import keep_option, print_table, save

from fcsearch.training import Pack, TrainingData, TrialConfig
from fcsearch.training.cohort import Cohort
from fcsearch.training.graphs import GraphCohort

ROWS, VALIDATION, FEATURES, CLASSES = 1437, 360, 64, 10  # as digits has them


@click.command()
@click.option("--sizes", default="16,64,256", show_default=True, help="Pack sizes.")
@click.option(
    "--epochs", default=7, show_default=True, help="Epochs of each pack, the first two of which do not count."
)
@keep_option
def main(sizes: str, epochs: int, keep: bool) -> None:
    """Time an epoch of packs with full.yaml's shapes, and of packs of one shape.

    \b
    Example:
      python benchmarks/gpu.py --sizes 64
    """
    data = digits_like("cuda")
    rows, records = [], []
    for kind, draw in (("full.yaml", mixed), ("64-100-100-10", uniform)):
        for size in map(int, sizes.split(",")):
            configs = draw(size, epochs)
            plain, replayed = (epoch_seconds(configs, data, cohort) for cohort in (Cohort, GraphCohort))
            rows.append(
                {
                    "shapes": kind,
                    "members": size,
                    "one by one ms": f"{plain * 1e3:.1f}",
                    "replayed ms": f"{replayed * 1e3:.1f}",
                    "ratio": plain / replayed,
                }
            )
            records.append({"shapes": kind, "members": size, "plain": plain, "replayed": replayed})
    print_table("An epoch of a pack, median", rows)
    if keep:
        print(save("gpu-packs", {"packs": records}))


def epoch_seconds(configs: Sequence[TrialConfig], data: TrainingData, cohort: type[Cohort]) -> float:
    """The median epoch of a pack, without the first two, in which the graphs are captured, and the last."""
    training, times = Pack(configs, data, cohort=cohort), []
    while training.alive:
        began = time.perf_counter()
        training.train_epoch()
        times.append(time.perf_counter() - began)
    return median(times[2:-1])


def mixed(size: int, epochs: int) -> list[TrialConfig]:
    """Trials as search_spaces/full.yaml draws them."""
    draw = random.Random(0)
    return [
        TrialConfig(
            hidden_dims=(draw.choice([64, 128, 256]),) * draw.choice([1, 2, 3, 4]),
            dropout=draw.choice([0.0, 0.25, 0.5]),
            batch_size=draw.choice([50, 100, 200]),
            update_rule=draw.choice(["sgd", "sgd_momentum", "rmsprop", "adam"]),
            loss=draw.choice(["softmax", "svm"]),
            learning_rate=1e-3,
            epochs=epochs,
        )
        for _ in range(size)
    ]


def uniform(size: int, epochs: int) -> list[TrialConfig]:
    """Trials of one shape, which train as one lane."""
    return [
        TrialConfig(hidden_dims=(100, 100), dropout=0.3, update_rule="adam", learning_rate=1e-3, epochs=epochs)
    ] * size


def digits_like(device: str) -> TrainingData:
    """Random rows in the shape of digits."""
    draw = torch.Generator().manual_seed(0)
    X = torch.randn(ROWS, FEATURES, generator=draw)
    y = torch.randint(CLASSES, (ROWS,), generator=draw)
    return TrainingData.from_arrays(X, y, X[:VALIDATION], y[:VALIDATION], num_classes=CLASSES, device=device)


if __name__ == "__main__":
    main()
