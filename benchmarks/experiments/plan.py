"""Which searches each experiment is made of, as `fcsearch` command lines."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

SPACES = Path(__file__).parents[2] / "search_spaces"
CIFAR10_FILES = ("cifar10-train.parquet", "cifar10-test.parquet")


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A search that is repeated with several seeds.

    Attributes:
        section: What it reproduces.
        space: The space file, without its folder and ending.
        seeds: Seeds of the runs, one run each; the split of the data is the same in all of them.
        settings: What is changed in the space (`--set`), by dotted key.
        trials: How many trials, where the space's own number is not meant.
        pack_size: Trials in a pack. These grids are small and their networks alike, so larger ones than `auto` pay.
    """

    section: str
    space: str
    seeds: tuple[int, ...]
    settings: Mapping[str, str]
    trials: int | None = None
    pack_size: int | None = None


# The document splits 40,000 / 10,000 and subtracts the mean image; it does not divide by the deviation.
_DOCUMENT = {"dataset.preprocessing": "mean"}

EXPERIMENTS: dict[str, Experiment] = {
    "two_layer": Experiment("6", "two_layer", (0, 1, 2), _DOCUMENT, pack_size=9),
    # Not in the document: the same with a decay that its course's Solver is shown with, to explain what differs.
    "two_layer_decay": Experiment(
        "6", "two_layer", (0, 1, 2), {**_DOCUMENT, "parameters.lr_decay": "0.95"}, pack_size=9
    ),
    "overfit": Experiment(
        "7", "seed_overfit", (0, 1, 2, 3, 4), {**_DOCUMENT, "dataset.num_train": "50", "dataset.num_val": "1000"},
        pack_size=42,
    ),
    "depth": Experiment("7", "seed_depth", (0, 1, 2), {**_DOCUMENT, "dataset.num_train": "20000"}, pack_size=18),
    "update_rules": Experiment(
        "8", "seed_update_rules", tuple(range(8)), {**_DOCUMENT, "dataset.num_train": "4000"}, pack_size=13
    ),
    "dropout": Experiment(
        "9 and 10", "seed_dropout", (0, 1, 2), {**_DOCUMENT, "dataset.num_train": "20000"}, pack_size=6
    ),
    "ablation": Experiment(
        "beyond", "cifar10_ablation", (0, 1), {"dataset.preprocessing": "standardize"}, pack_size=8
    ),
    "best": Experiment("beyond", "cifar10_best", (0,), {"dataset.preprocessing": "standardize"}),
}  # fmt: skip


def run_name(experiment: str, seed: int) -> str:
    """The name of a run of an experiment."""
    return f"{experiment}-{seed}"


def search_command(experiment: str, seed: int, *, data: Path | None, out: Path) -> list[str]:
    """The arguments of `fcsearch` that make one run of an experiment.

    Args:
        experiment: A key of EXPERIMENTS.
        seed: The run's seed.
        data: Folder with the two Parquet files of CIFAR-10; None: the original, which fcsearch downloads.
        out: Folder that the run goes to.
    """
    plan = EXPERIMENTS[experiment]
    settings = dict(plan.settings)
    source = "cifar10"
    if data is not None:
        source, test = (str(data / name) for name in CIFAR10_FILES)
        settings["dataset.test"] = test
    settings["dataset.val_fraction"] = "0.2"
    command = ["run", "--space", str(SPACES / f"{plan.space}.yaml"), "--dataset", source]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    if plan.trials is not None:
        command += ["--trials", str(plan.trials)]
    if plan.pack_size is not None:
        command += ["--pack-size", str(plan.pack_size)]
    # The winner is confirmed by `confirm_command`, with its figures on test rows.
    command += ["--confirm", "0", "--ensemble", "0"]
    return [*command, "--seed", str(seed), "--out", str(out), "--name", run_name(experiment, seed)]


def confirm_command(run: Path, seed: int) -> list[str]:
    """The arguments of `fcsearch` that train the best trial of a run again with another seed and test it."""
    return ["train", "--run", str(run), "--seed", str(seed), "--test", "--format", "json"]
