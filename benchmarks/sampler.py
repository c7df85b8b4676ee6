"""What a suggestion of TPE costs as trials gather: by Optuna itself, and by the sampler that sees a part of them."""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import optuna
from common import keep_option, print_table, save, spread
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from fcsearch.search.planning.bounded_tpe import BoundedTPESampler
from fcsearch.space import SearchSpace, load_space

SPACE = Path(__file__).parents[1] / "search_spaces" / "full.yaml"
_STARTUP, _STOPPED_BELOW = 16, 0.7


def tpe(seed: int) -> TPESampler:
    """As the shipped spaces have it."""
    return TPESampler(seed=seed, n_startup_trials=_STARTUP)


SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "Optuna's": tpe,
    "bounded": lambda seed: BoundedTPESampler(tpe(seed)),
}


@click.command()
@click.option("--counts", default="100,1000,5000,10000", show_default=True, help="Trials that are there already.")
@click.option("--asks", default=16, show_default=True, help="Suggestions of each, one after the other.")
@click.option("--rounds", default=3, show_default=True, help="Times, with seeds 0, 1, ...")
@click.option("--search", default=0, show_default=True, help="Also whole searches of so many trials; 0: none.")
@keep_option
def main(counts: str, asks: int, rounds: int, search: int, keep: bool) -> None:
    """Measure CPU milliseconds a suggestion, and how good what is suggested is, in turns.

    The trials that are there were drawn at random from full.yaml, and a formula with noise stands in for training: two
    thirds of them are stopped. What is suggested is judged by the formula without noise; its best value is 1.

    \b
    Example:
      python benchmarks/sampler.py --counts 100,1000 --rounds 1
    """
    space = load_space(SPACE)
    rows, records = [], []
    wanted = sorted(map(int, counts.split(",")))
    drawn = draw(space, wanted[-1])
    for count in wanted:
        trials = drawn[:count]
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in SAMPLERS}
        for seed in range(rounds):
            for name, make in SAMPLERS.items():
                found[name].append(measure(space, trials, make(seed), asks))
        for name, pairs in found.items():
            cost, value = spread([ms for ms, _ in pairs]), statistics.mean(value for _, value in pairs)
            rows.append({"trials": f"{count:,}", "TPE": name, "CPU ms": cost["median"], "value": f"{value:.3f}"})
            records.append({"trials": count, "sampler": name, "cpu_milliseconds": cost, "value": value})
    print_table(f"A suggestion, medians of {rounds} rounds; mean value of what is suggested", rows)
    searches = [
        {"TPE": name, "trials": search, "seed": seed, **whole(space, make(seed), search, seed)}
        for seed in range(rounds if search else 0)
        for name, make in SAMPLERS.items()
    ]
    if searches:
        print_table("Whole searches: worth of the best trial, and of the last tenth of the suggestions", searches)
    if keep:
        print(save("sampler", {"asks": asks, "rounds": rounds, "figures": records, "searches": searches}))


def draw(space: SearchSpace, count: int) -> list[FrozenTrial]:
    """Trials that have ended."""
    study, noise = optuna.create_study(sampler=RandomSampler(seed=0)), random.Random(0)
    found = []
    for _ in range(count):
        trial = study.ask()
        value = worth(space.suggest(trial)) + noise.gauss(0, 0.05)
        stopped = value < _STOPPED_BELOW
        found.append(
            optuna.trial.create_trial(
                state=TrialState.PRUNED if stopped else TrialState.COMPLETE,
                value=None if stopped else value,
                intermediate_values={3: value} if stopped else {},
                params=trial.params,
                distributions=trial.distributions,
            )
        )
    return found


def measure(space: SearchSpace, trials: list[FrozenTrial], sampler: BaseSampler, asks: int) -> tuple[float, float]:
    """CPU milliseconds a suggestion, and the mean worth of what was suggested."""
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials(trials)
    space.suggest(study.ask())  # which looks at all trials for the first time
    began = time.process_time()
    values = [worth(space.suggest(study.ask())) for _ in range(asks)]
    return 1000 * (time.process_time() - began) / asks, statistics.mean(values)


def whole(space: SearchSpace, sampler: BaseSampler, count: int, seed: int) -> dict[str, float]:
    """What a search finds that is told what the formula and its noise give."""
    study, noise, found = optuna.create_study(direction="maximize", sampler=sampler), random.Random(seed), []
    began = time.process_time()
    for _ in range(count):
        trial = study.ask()
        found.append(worth(space.suggest(trial)))
        value = found[-1] + noise.gauss(0, 0.05)
        if value < _STOPPED_BELOW:
            trial.report(value, 3)
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, value)
    cost = 1000 * (time.process_time() - began) / count
    return {"best": max(found), "last": statistics.mean(found[-count // 10 :]), "CPU ms a trial": cost}


def worth(values: Mapping[str, Any]) -> float:
    """Stands in for training: best at a learning rate of 0.01, three layers and no dropout."""
    rate, depth, dropout = (float(values[name]) for name in ("learning_rate", "depth", "dropout"))
    return 1 - abs(math.log10(rate) + 2) / 3 - abs(depth - 3) / 10 - dropout / 5


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    main()
