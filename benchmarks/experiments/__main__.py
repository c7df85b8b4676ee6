"""The experiments of the document that the network is specified in, on CIFAR-10.

    python benchmarks/experiments run two_layer --data ../shared/data   # the searches of a section
    python benchmarks/experiments confirm                               # the winner of the last one, by five seeds
    python benchmarks/experiments tables                                # tables and figures of docs/experiments.md

Runs go to runs/experiments, and `tables` reads them and nothing else.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from experiments.plan import EXPERIMENTS, confirm_command, run_name, search_command

DEFAULT_RUNS = Path("runs/experiments")
CONFIRMING_SEEDS = (1, 2, 3, 4, 5)


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the searches of an experiment; runs that are there are kept")
    run.add_argument("experiment", choices=sorted(EXPERIMENTS))
    run.add_argument("--data", type=Path, help="folder with CIFAR-10 as Parquet; without it the original is downloaded")
    run.add_argument("--out", type=Path, default=DEFAULT_RUNS)
    run.add_argument("--seeds", type=int, nargs="+", help="these seeds instead of the experiment's")
    run.add_argument("--workers", type=int)
    run.add_argument("--time-budget", help="of each search, such as 20m")
    confirm = commands.add_parser("confirm", help="train the best trial of the search `best` again, and test it")
    confirm.add_argument("--runs", type=Path, default=DEFAULT_RUNS)
    confirm.add_argument("--seeds", type=int, nargs="+", default=list(CONFIRMING_SEEDS))
    tables = commands.add_parser("tables", help="make every table and figure of docs/experiments.md")
    tables.add_argument("--runs", type=Path, default=DEFAULT_RUNS)
    arguments = parser.parse_args()
    if arguments.command == "run":
        _run(arguments)
    elif arguments.command == "confirm":
        _confirm(arguments.runs, arguments.seeds)
    else:
        from experiments.document import update

        for name in update(arguments.runs):
            print(f"no runs for the table {name}: left as it is")


def _run(arguments: argparse.Namespace) -> None:
    for seed in arguments.seeds or EXPERIMENTS[arguments.experiment].seeds:
        path = arguments.out / run_name(arguments.experiment, seed)
        if path.exists():
            print(f"{path} is there already")
            continue
        command = search_command(arguments.experiment, seed, data=arguments.data, out=arguments.out)
        for option, value in (("--workers", arguments.workers), ("--time-budget", arguments.time_budget)):
            if value is not None:
                command += [option, str(value)]
        _fcsearch([*command, "--quiet"])


def _confirm(runs: Path, seeds: list[int]) -> None:
    run = runs / run_name("best", EXPERIMENTS["best"].seeds[0])
    folder = runs / "best-confirmed"
    folder.mkdir(exist_ok=True)
    for seed in seeds:
        file = folder / f"seed-{seed}.json"
        if not file.exists():
            file.write_text(_fcsearch(confirm_command(run, seed)))


def _fcsearch(command: list[str]) -> str:
    print("fcsearch", shlex.join(command), flush=True)
    done = subprocess.run([sys.executable, "-m", "fcsearch", *command], stdout=subprocess.PIPE, text=True)
    if done.returncode:  # it has said why
        sys.exit(done.returncode)
    return done.stdout


if __name__ == "__main__":
    main()
