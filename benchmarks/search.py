"""Trials a minute of a whole search: `fcsearch run` against what its users would pick instead, on the same space."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import torch
import yaml
from cifar10 import cifar10_file
from common import chosen, keep_option, print_table, save, spread
from peers.launch import EARLIER, FCSEARCH, SEARCHERS, Job, Outcome, run_searcher

CASES: dict[str, dict[str, Any]] = {
    "digits": {
        "dataset": "digits",
        "trials": 160,
        "parameters": {
            "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
            "depth": {"low": 2, "high": 5},
            "hidden_dim": 100,
            "dropout": {"choices": [0.0, 0.25, 0.5]},
            "update_rule": "adam",
            "batch_size": 100,
            "epochs": 30,
        },
    },
    "cifar10": {
        "dataset": "cifar10",
        "trials": 24,
        "parameters": {
            "learning_rate": {"low": 1e-3, "high": 1e-1, "log": True},
            "depth": 2,
            "hidden_dim": 100,
            "update_rule": "sgd",
            "batch_size": 100,
            "epochs": 3,
        },
    },
}
NOTES = {
    "fcsearch-local": "processes, no Ray",
    "ray": "an actor a trial",
    "ray-reuse": "report an epoch",
    "ray-reuse-end": "report a trial",
    "sklearn": "random, no dropout, last epoch",
}


@dataclasses.dataclass(frozen=True)
class Measured:
    """A searcher's rounds on a case."""

    name: str
    rounds: list[Outcome]

    def rates(self, *, start_up: bool) -> dict[str, float]:
        """Trials a minute: median and spread over the rounds."""
        return spread([60 * len(o.trials) / (o.seconds if start_up else o.training_seconds) for o in self.rounds])

    def to_json(self) -> dict[str, Any]:
        """All that was measured."""
        return {
            "searcher": self.name,
            "trials": [len(outcome.trials) for outcome in self.rounds],
            "seconds": [outcome.seconds for outcome in self.rounds],
            "training_seconds": [outcome.training_seconds for outcome in self.rounds],
            "trials_a_minute": self.rates(start_up=True),
            "trials_a_minute_without_start_up": self.rates(start_up=False),
            "best_val_accuracy": spread([outcome.best for outcome in self.rounds]),
        }


@click.command()
@click.option("--cases", default=",".join(CASES), show_default=True)
@click.option("--peers", default=",".join(SEARCHERS), show_default=True, help="Who searches; fcsearch always does.")
@click.option("--trials", type=click.IntRange(min=1), help="Trials of a search. Default: 160 on digits, 24 on cifar10.")
@click.option(
    "--ray-trials", type=click.IntRange(min=1), help="Trials of the peer ray alone, which takes long over each."
)
@click.option("--epochs", type=click.IntRange(min=1), help="Epochs of a trial. Default: 30 on digits, 3 on cifar10.")
@click.option("--rounds", default=3, show_default=True, help="Searches of each, with seeds 0, 1, ...")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Default: cuda where there is one.")
@click.option("--slots", type=click.IntRange(min=1), help="Trials that peers train at a time. Default: the cores.")
@click.option(
    "--earlier",
    type=click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True),
    help="A checkout of an earlier commit, which searches too.",
)
@keep_option
def main(
    cases: str,
    peers: str,
    trials: int | None,
    ray_trials: int | None,
    epochs: int | None,
    rounds: int,
    device: str | None,
    slots: int | None,
    earlier: Path | None,
    keep: bool,
) -> None:
    """Measure trials a minute of whole searches, everyone in turns.

    `whole command` is the wall time of the process, start-up and report included; `without start-up` is the time from
    the start of the first trial to the end of the last. Ratios say how many times as fast fcsearch is. On a GPU
    scikit-learn is left out. An earlier commit is run by the same interpreter and packages.

    \b
    Example:
      python benchmarks/search.py --cases digits --peers ray-reuse,sklearn --trials 40 --rounds 1
      git worktree add ../earlier 7b5c7c2
      python benchmarks/search.py --cases digits --peers fcsearch-local --earlier ../earlier --no-save
    """
    names = list(dict.fromkeys(["fcsearch", *chosen(peers, SEARCHERS), *([EARLIER] if earlier else [])]))
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda":
        names = [name for name in names if name != "sklearn"]
    for case in chosen(cases, CASES):
        with tempfile.TemporaryDirectory(prefix="fcsearch-bench-") as folder:
            space = write_space(case, Path(folder), epochs)
            if space is None:
                continue
            job = Job(space, trials or CASES[case]["trials"], device=device, checkout=earlier)
            ours = {*FCSEARCH, EARLIER}
            jobs = {name: dataclasses.replace(job, slots=None if name in ours else slots) for name in names}
            if ray_trials and "ray" in jobs:
                jobs["ray"] = dataclasses.replace(jobs["ray"], trials=ray_trials)
            measured = measure(jobs, rounds)
        print_table(
            f"{case}, {device}: trials a minute, median (quartiles) of {rounds} rounds; best validation accuracy",
            table(measured),
        )
        if keep:
            content = {"epochs": epochs or epochs_of(case), "searchers": [one.to_json() for one in measured]}
            print(save(f"search-{case}-{device}", content))


def epochs_of(case: str) -> int:
    """Epochs of a trial, unless told otherwise."""
    return int(CASES[case]["parameters"]["epochs"])


def write_space(case: str, folder: Path, epochs: int | None) -> Path | None:
    """Write the case as a space file; None, saying so, if its data are missing."""
    space = {"name": case, **CASES[case], "sampler": "tpe"}
    if case == "cifar10":
        file = cifar10_file(folder)
        if file is None:
            return None
        space["dataset"] = str(file)
    if epochs:
        space["parameters"] = {**space["parameters"], "epochs": epochs}
    path = folder / f"{case}.yaml"
    path.write_text(yaml.safe_dump(space, sort_keys=False))
    return path


def measure(jobs: Mapping[str, Job], rounds: int) -> list[Measured]:
    """Run everyone in turns, so that a machine's moods hit all alike."""
    measured = [Measured(name, []) for name in jobs]
    for seed in range(rounds):
        for one in measured:
            outcome = run_searcher(one.name, dataclasses.replace(jobs[one.name], seed=seed))
            one.rounds.append(outcome)
            print(
                f"round {seed + 1}: {one.name}: {len(outcome.trials)} trials in {outcome.seconds:.1f} s, "
                f"{outcome.training_seconds:.1f} s without start-up, best {outcome.best:.4f}"
            )
    return measured


def table(measured: Sequence[Measured]) -> list[dict[str, object]]:
    """One line a searcher."""
    reference = measured[0]
    rows: list[dict[str, object]] = []
    for one in measured:
        row: dict[str, object] = {"searcher": one.name, "trials": len(one.rounds[0].trials)}
        for label, short, start_up in (("whole command", "whole", True), ("without start-up", "without", False)):
            rate = one.rates(start_up=start_up)
            ratio = reference.rates(start_up=start_up)["median"] / rate["median"]
            row[label] = f"{rate['median']:.0f} ({rate['q1']:.0f}-{rate['q3']:.0f})"
            row[f"ratio, {short}"] = f"{ratio:.1f}"
        row["accuracy"] = f"{spread([o.best for o in one.rounds])['median']:.4f}"
        row["note"] = NOTES.get(one.name, "")
        rows.append(row)
    return rows


if __name__ == "__main__":
    main()
