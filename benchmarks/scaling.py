"""How a search scales with its workers: the real loop, ledger and files, with workers that are simulated."""

from __future__ import annotations

import dataclasses
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import click
from common import keep_option, print_table, save
from simulated_fleet import Fleet, Reading, search

FLEETS = (
    "random:8:15.4:64:2048,tpe:8:15.4:64:1024,random:10:1:1:400,random:100:1:1:1000,random:1000:1:1:3000,"
    "random:100:16:16:3200,random:100:60:1:1000,random:1000:60:1:3000,random:1000:60:16:16000,"
    "random:10:600:1:100,random:100:600:1:400,random:1000:600:1:3000"
)


@click.command()
@click.option("--fleets", default=FLEETS, show_default=True, help="sampler:workers:seconds of a pack:pack size:trials")
@click.option("--epochs", default=10, show_default=True, help="Epochs of each trial.")
@click.option("--flush-ms", default=2.0, show_default=True, help="What the disk takes to have a file; assumed.")
@keep_option
def main(fleets: str, epochs: int, flush_ms: float, keep: bool) -> None:
    """Measure how busy workers are, and what the driver takes, with fleets of simulated workers.

    The CPU time of the driver counts as time that passes; what it waits for is skipped. Ray is not there.

    \b
    Example:
      python benchmarks/scaling.py --fleets random:100:60:1:500,tpe:8:15:64:512
    """
    found: list[tuple[Fleet, Reading]] = []
    for text in fleets.split(","):
        sampler, workers, seconds, pack_size, trials = text.split(":")
        fleet = Fleet(sampler, int(workers), float(seconds), int(pack_size), int(trials), epochs, flush=flush_ms / 1000)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            found.append((fleet, process.submit(search, fleet).result()))
        print_table("", [row(*found[-1])])
    print_table("Simulated fleets", [row(*pair) for pair in found])
    if keep:
        records = [{**dataclasses.asdict(fleet), **dataclasses.asdict(reading)} for fleet, reading in found]
        print(save("scaling", {"fleets": records}))


def row(fleet: Fleet, found: Reading) -> dict[str, object]:
    """One line of the table."""
    return {
        "sampler": fleet.sampler,
        "workers": fleet.workers,
        "pack": f"{fleet.pack_size} in {fleet.seconds:g} s",
        "trials": fleet.trials,
        "a minute": f"{60 * fleet.trials / found.seconds:,.0f}",
        "busy": f"{found.busy:.1%}",
        "driver": f"{found.cpu / found.seconds:.0%}",
        "CPU ms a trial": 1000 * found.cpu / fleet.trials,
        "MiB": found.grown,
        "files": found.files,
        "tables MiB": found.tables,
        "journal MiB": found.journal,
        "report s": found.report,
    }


if __name__ == "__main__":
    main()
