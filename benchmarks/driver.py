"""What a trial costs in the driver and the sampler: searches whose training is replaced by a result from a table."""

from __future__ import annotations

import dataclasses
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor

import click
from common import keep_option, print_table, save, spread
from untrained_search import Reading, Settings, search

COUNTS = (100, 1000, 10_000)


@click.command()
@click.option(
    "--runs", default="random:10000,tpe:10000", show_default=True, help="Samplers, and the most trials of each."
)
@click.option("--ray/--no-ray", "with_ray", default=True, help="Also with Ray Tune between driver and workers.")
@click.option("--pack-size", default=64, show_default=True)
@click.option("--workers", default=2, show_default=True, help="Packs in training at a time.")
@click.option("--epochs", default=10, show_default=True, help="Epochs of each trial.")
@click.option("--rounds", default=1, show_default=True)
@keep_option
def main(runs: str, with_ray: bool, pack_size: int, workers: int, epochs: int, rounds: int, keep: bool) -> None:
    """Measure milliseconds a trial and the driver's memory in searches of 100, 1,000 and 10,000 trials.

    Training costs nothing here. TPE slows as trials gather: 10,000 of them take it some 20 minutes.

    \b
    Example:
      python benchmarks/driver.py --runs random:1000,tpe:300 --no-ray
    """
    wanted = [
        Settings(sampler, count, workers, pack_size, epochs, ray)
        for sampler, most in (pair.split(":") for pair in runs.split(","))
        for ray in ((False, True) if with_ray else (False,))
        for count in sorted({*(count for count in COUNTS if count < int(most)), int(most)})
    ]
    found: dict[Settings, list[Reading]] = {settings: [] for settings in wanted}
    for _ in range(rounds):
        for settings in wanted:
            found[settings].append(in_new_process(settings))
    rows = [row(settings, readings) for settings, readings in found.items()]
    print_table("A trial's cost without its training, and the driver's memory: medians", rows)
    if keep:
        records = [
            {**dataclasses.asdict(settings), "rounds": [dataclasses.asdict(reading) for reading in readings]}
            | {"milliseconds_a_trial": spread([reading.milliseconds for reading in readings])}
            for settings, readings in found.items()
        ]
        print(save("driver", {"searches": records}))


def row(settings: Settings, readings: Sequence[Reading]) -> dict[str, object]:
    """One line of the table."""

    def median(value: Callable[[Reading], float]) -> float:
        return spread([value(reading) for reading in readings])["median"]

    whole = spread([reading.milliseconds for reading in readings])
    return {
        "search": f"{settings.sampler}{', Ray' if settings.with_ray else ''}",
        "trials": settings.trials,
        "n": len(readings),
        "ms a trial": whole["median"],
        "q1-q3": f"{whole['q1']:.2f}-{whole['q3']:.2f}",
        "sampler ms": median(lambda r: 1000 * r.asking / settings.trials),
        "files ms": median(lambda r: 1000 * r.recording / settings.trials),
        "driver MiB": f"{median(lambda r: r.memory):.0f}",
        "grown by MiB": median(lambda r: r.grown),
    }


def in_new_process(settings: Settings) -> Reading:
    """Search in a process of its own, whose memory holds nothing else."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(search, settings).result()


if __name__ == "__main__":
    main()
