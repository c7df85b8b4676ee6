"""Best validation accuracy over wall time: `fcsearch run` on full.yaml, and peers with early stopping of their own."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import matplotlib as mpl
import torch
import yaml
from cifar10 import cifar10_file
from common import RESULTS, chosen, machine_name, print_table, save, spread
from matplotlib import pyplot as plt
from peers.launch import Job, Outcome, run_searcher

SPACE = Path(__file__).parents[1] / "search_spaces" / "full.yaml"
DATASETS = ("digits", "cifar10")
# Of CIFAR-10 so many rows, or a minute is over before anything is learned.
CIFAR10_ROWS = {"num_train": 5000, "num_val": 2500}
SEARCHERS = {
    "fcsearch": "fcsearch: TPE, ASHA, packs",
    "ray-reuse": "Ray Tune: OptunaSearch (TPE), ASHAScheduler, reused actors",
    "optuna": "Optuna: TPE, SuccessiveHalvingPruner, a process a core",
    "sklearn": "scikit-learn: HalvingRandomSearchCV, n_jobs=-1",
}
SHARES = (0.25, 0.5, 1.0)

Outcomes = Mapping[str, Sequence[Outcome]]


@click.command()
@click.option("--datasets", default=",".join(DATASETS), show_default=True)
@click.option("--peers", default=",".join(SEARCHERS), show_default=True, help="Who searches; fcsearch always does.")
@click.option("--budget", default=60.0, show_default=True, help="Seconds of each search, its start-up included.")
@click.option("--seeds", default=5, show_default=True, help="Searches of each, with seeds 0, 1, ...")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Default: cuda where there is one.")
@click.option("--save/--no-save", "keep", default=True, help="Whether figures and plot go to benchmarks/results.")
def main(datasets: str, peers: str, budget: float, seeds: int, device: str | None, keep: bool) -> None:
    """Compare the best validation accuracy that is known after 25, 50 and 100 % of a time budget.

    A trial counts from the moment it has come to an end, or was stopped. Of scikit-learn every fit is a trial, as
    successive halving there trains a net anew for each rung.

    \b
    Example:
      python benchmarks/quality.py --datasets digits --budget 20 --seeds 2
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    names = [name for name in SEARCHERS if name in {"fcsearch", *chosen(peers, SEARCHERS)}]
    if device == "cuda":
        names = [name for name in names if name != "sklearn"]
    for dataset in chosen(datasets, DATASETS):
        with tempfile.TemporaryDirectory(prefix="fcsearch-bench-") as folder:
            space = write_space(dataset, Path(folder))
            if space is None:
                continue
            outcomes = measure(names, space, budget=budget, seeds=seeds, device=device)
        title = f"{dataset}, {device}: best validation accuracy by time, median (quartiles) of {seeds} seeds"
        print_table(title, table(outcomes, budget))
        if keep:
            print(save(f"quality-{dataset}-{device}", to_json(outcomes, budget)))
            print(plot(outcomes, budget, f"{dataset}, {device}", RESULTS / f"quality-{dataset}-{machine_name()}.svg"))


def write_space(dataset: str, folder: Path) -> Path | None:
    """Write full.yaml for the dataset; None, saying so, if its data are missing."""
    space = yaml.safe_load(SPACE.read_text())
    if dataset == "cifar10":
        file = cifar10_file(folder)
        if file is None:
            return None
        space["dataset"] = {"source": str(file), **CIFAR10_ROWS}
    path = folder / "full.yaml"
    path.write_text(yaml.safe_dump(space, sort_keys=False))
    return path


def measure(names: Sequence[str], space: Path, *, budget: float, seeds: int, device: str) -> Outcomes:
    """Run everyone in turns, so that a machine's moods hit all alike."""
    outcomes: dict[str, list[Outcome]] = {name: [] for name in names}
    for seed in range(seeds):
        job = Job(space, trials=None, time_budget=budget, seed=seed, device=device, early_stopping=True)
        for name in names:
            outcome = run_searcher(name, job)
            outcomes[name].append(outcome)
            print(
                f"seed {seed}: {name}: {len(outcome.trials)} trials in {outcome.seconds:.1f} s, "
                f"best {outcome.best_after(budget):.4f}"
            )
    return outcomes


def table(outcomes: Outcomes, budget: float) -> list[dict[str, object]]:
    """One line a searcher."""
    # What everyone reaches, half of the time at least.
    goal = min(statistics.median(o.best_after(budget) for o in rounds) for rounds in outcomes.values())
    rows: list[dict[str, object]] = []
    for name, rounds in outcomes.items():
        row: dict[str, object] = {"searcher": name}
        for share in SHARES:
            found = spread([outcome.best_after(share * budget) for outcome in rounds])
            row[f"{share * budget:g} s"] = f"{found['median']:.4f} ({found['q1']:.4f}-{found['q3']:.4f})"
        row[f"s to {goal:.4f}"] = f"{statistics.median(seconds_to(outcome, goal) for outcome in rounds):.1f}"
        row["trials"] = f"{statistics.median(len(outcome.trials) for outcome in rounds):g}"
        rows.append(row)
    return rows


def seconds_to(outcome: Outcome, accuracy: float) -> float:
    """When the search knew a trial of this validation accuracy; infinite if never."""
    return next((seconds for seconds, best in outcome.curve() if best >= accuracy), float("inf"))


def to_json(outcomes: Outcomes, budget: float) -> dict[str, Any]:
    """The curves, and the medians of the table."""
    return {
        "budget_seconds": budget,
        "searchers": {
            name: {
                "what": SEARCHERS[name],
                "trials": [len(outcome.trials) for outcome in rounds],
                "best_val_accuracy": {
                    f"{share:.0%}": spread([outcome.best_after(share * budget) for outcome in rounds])
                    for share in SHARES
                },
                "curves": [outcome.curve() for outcome in rounds],
            }
            for name, rounds in outcomes.items()
        },
    }


def plot(outcomes: Outcomes, budget: float, title: str, path: Path) -> Path:
    """Draw the median over the seeds as a line, and lowest to highest as a band."""
    # The same figure is the same file, and a small one.
    mpl.rcParams.update({"svg.hashsalt": "fcsearch", "svg.fonttype": "none"})
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    times = [budget * step / 200 for step in range(201)]
    for name, rounds in outcomes.items():
        values = [[outcome.best_after(time) for outcome in rounds] for time in times]
        [line] = axes.plot(
            times, [known(statistics.median(v)) for v in values], drawstyle="steps-post", label=SEARCHERS[name]
        )
        lowest, highest = [known(min(v)) for v in values], [known(max(v)) for v in values]
        axes.fill_between(times, lowest, highest, step="post", alpha=0.15, color=line.get_color())
    axes.set(title=title, xlabel="seconds since the command was started", ylabel="best validation accuracy")
    axes.legend(loc="lower right", fontsize="small")
    axes.grid(alpha=0.3)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def known(accuracy: float) -> float:
    """For the plot: nothing is drawn before the first result."""
    return accuracy or float("nan")


if __name__ == "__main__":
    main()
