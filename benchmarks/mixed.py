"""Epochs of packs as spaces draw them, of mixed shapes and batch sizes, against the same trials alone and torch.nn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import optuna
import torch
from common import chosen, interleaved, keep_option, print_table, save, spread
from peers.torch_trial import TorchTrial

from fcsearch.config import TrialConfig
from fcsearch.space import load_space
from fcsearch.training import TrainingData
from fcsearch.training.pack import Pack

SPACES = Path(__file__).parents[1] / "search_spaces"
CLASSES = 10


@dataclasses.dataclass(frozen=True)
class Case:
    """A space, and the size of its data.

    Attributes:
        space: Its name.
        changes: As `--set` has them.
        rows: Training rows.
        inputs: Features.
        members: Configurations that are drawn.
    """

    space: str
    changes: tuple[str, ...] = ()
    rows: int = 1257
    inputs: int = 64
    members: int = 32


_DEPTH, _WIDTH = "parameters.depth=2", "parameters.hidden_dim=100"
CASES = {
    "full": Case("full"),
    "cifar10_best": Case("cifar10_best", rows=1280, inputs=3072, members=8),
    "depths": Case("dropout", ("parameters.depth={low: 1, high: 3}", _WIDTH)),
    "widths": Case("dropout", (_DEPTH, "parameters.hidden_dim={low: 64, high: 256, step: 32}")),
    "batches": Case("dropout", (_DEPTH, _WIDTH, "parameters.batch_size={choices: [32, 64, 128, 256]}")),
}


@click.command()
@click.option("--cases", default=",".join(CASES), show_default=True)
@click.option("--sizes", default="1,4,16,32", show_default=True, help="Pack sizes; not larger than a case's members.")
@click.option("--rounds", default=5, show_default=True, help="Measurements of each candidate.")
@keep_option
def main(cases: str, sizes: str, rounds: int, keep: bool) -> None:
    """Time an epoch, validation included, of configurations drawn at random from a space, on one thread.

    The peer trains one after the other by torch.nn, autograd and the faster form of torch.optim's rule.

    \b
    Example:
      python benchmarks/mixed.py --cases full --sizes 1,16
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    rows, records = [], []
    for name in chosen(cases, CASES):
        case = CASES[name]
        drawn = draw(case)
        packs = [size for size in map(int, sizes.split(",")) if size <= case.members]
        timed = interleaved(candidates(case, drawn, packs), rounds=rounds, seconds=0.0)
        seconds = {candidate: spread([value / case.members for value in values]) for candidate, values in timed.items()}
        lanes = {size: lanes_of([config for _, config in drawn], size) for size in packs}
        rows.append(row(name, seconds, lanes))
        records.append({"space": name, "seconds": seconds, "lanes": lanes})
    print_table("Milliseconds of an epoch of a trial; ratios against the peer", rows)
    if keep:
        print(save("mixed", {"spaces": records}))


def draw(case: Case) -> list[tuple[dict[str, Any], TrialConfig]]:
    """Values, and the configurations that they make, drawn at random: the same ones every time."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = load_space(SPACES / f"{case.space}.yaml", overrides=case.changes)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    # None diverges and leaves, and none comes to its end.
    same = {"learning_rate": 1e-4, "epochs": 10_000}
    values = [{**space.suggest(study.ask()), **same, "seed": 0} for _ in range(case.members)]
    return [(one, space.trial_config({k: v for k, v in one.items() if k != "seed"}, seed=0)) for one in values]


def candidates(
    case: Case, drawn: Sequence[tuple[dict[str, Any], TrialConfig]], sizes: Sequence[int]
) -> dict[str, Callable[[], None]]:
    """Everything that is timed: each trains all members for an epoch."""
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(case.rows + 270, case.inputs, generator=generator)
    y = torch.randint(CLASSES, (len(X),), generator=generator)
    split = {"X_train": X[: case.rows], "y_train": y[: case.rows], "X_val": X[case.rows :], "y_val": y[case.rows :]}
    peers = [TorchTrial(values, split) for values, _ in drawn]
    data = TrainingData.from_arrays(*split.values(), num_classes=CLASSES)

    def epoch_of(members: Sequence[TorchTrial | Pack]) -> Callable[[], None]:
        def epoch() -> None:
            for member in members:
                member.epoch() if isinstance(member, TorchTrial) else member.train_epoch()

        return epoch

    configs = [config for _, config in drawn]
    packs = {
        f"pack {size}": epoch_of([Pack(configs[first : first + size], data) for first in range(0, len(drawn), size)])
        for size in sizes
    }
    return {"torch": epoch_of(peers), **packs}


def lanes_of(configs: Sequence[TrialConfig], size: int) -> float:
    """How many lanes a pack of so many has, the mean."""
    packs = [configs[first : first + size] for first in range(0, len(configs), size)]
    return sum(len({config.lane_key for config in pack}) for pack in packs) / len(packs)


def row(name: str, seconds: dict[str, dict[str, float]], lanes: dict[int, float]) -> dict[str, object]:
    """One line of the table."""
    peer = seconds["torch"]["median"]
    line: dict[str, object] = {"space": name, "peer": f"{1000 * peer:.2f}"}
    for size in (1, 4, 16, 32):
        found = seconds.get(f"pack {size}")
        line[f"{size}"] = f"{1000 * found['median']:.2f}" if found else ""
        line[f"{size}: ratio"] = f"{peer / found['median']:.2f}" if found else ""
        line[f"{size}: lanes"] = f"{lanes[size]:.1f}" if found else ""
    return line


if __name__ == "__main__":
    main()
