"""From a table to predictions of new rows: `fcsearch run` against other programs, whole commands, test rows."""

from __future__ import annotations

import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from common import chosen, keep_option, print_table, save
from real_tables import TABLES, Names, Table, is_there, score

from fcsearch.machine import available_cores

HERE = Path(__file__).parent
PEERS = ("gradient boosting", "LightGBM", "RandomizedSearchCV", "Optuna + torch.nn", "RealMLP", "RealMLP HPO")
# Those of pytabkit, which may be installed for another interpreter.
PYTABKIT = ("RealMLP", "RealMLP HPO")
OURS = "fcsearch"
# scikit-learn's names of the objectives: it maximizes.
SCORINGS = {"rmse": "neg_root_mean_squared_error", "accuracy": "accuracy", "average_precision": "average_precision"}
# What a table shows of each.
FIGURES = [
    shown for name in ("rmse", "accuracy", "average_precision", "log_loss") for shown in (name, f"ensemble's {name}")
]


@click.command()
@click.option("--tables", default=",".join(TABLES), show_default=True)
@click.option("--contestants", default=",".join((OURS, *PEERS)), show_default=True)
@click.option("--seeds", default=3, show_default=True, help="Rounds, with seeds 0, 1, ...")
@click.option("--budget", default=120, show_default=True, help="Seconds for fcsearch, Optuna and RealMLP HPO.")
@click.option("--space", default="tables", show_default=True, help="What fcsearch searches.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the space.")
@click.option("--pool", type=click.Choice(["ray", "local"]), default="ray", show_default=True, help="As of `run`.")
@click.option("--pytabkit-python", default=sys.executable, help="The interpreter that has pytabkit. Default: this one.")
@keep_option
def main(
    tables: str,
    contestants: str,
    seeds: int,
    budget: int,
    space: str,
    overrides: tuple[str, ...],
    pool: str,
    pytabkit_python: str,
    keep: bool,
) -> None:
    """Give each contestant the same rows and all cores, one after the other, and measure its predictions of test rows.

    LightGBM and RealMLP take part where `lightgbm` and `pytabkit` are installed; pytabkit may have an environment
    of its own: --pytabkit-python. Seeds change the test rows (not those of adult, which are official), the validation
    rows and the training. Seconds are those of the whole command; fcsearch predicts by a second one, of a few seconds,
    which is not in them.

    \b
    Example:
      python benchmarks/tables_peers.py --tables california --seeds 1
    """
    ours = Search(space, overrides, pool)
    for name in chosen(tables, TABLES):
        if not is_there(name):
            continue
        found: list[dict[str, Any]] = []
        for seed in range(seeds):
            with tempfile.TemporaryDirectory(prefix="tables-") as folder:
                contest = Contest(TABLES[name], seed, budget, ours, Path(folder), pytabkit_python)
                for contestant in chosen(contestants, dict.fromkeys((OURS, *PEERS))):
                    for result in contest.of(contestant):
                        found.append({"table": name, "seed": seed, **result})
                        print(json.dumps(found[-1]), flush=True)
        print_table(f"{name}: {TABLES[name].objective} of the test rows, {seeds} seeds", lines(found, "contestant"))
        if keep:
            print(
                save(
                    f"tables-peers-{name}",
                    {"budget": budget, **dataclasses.asdict(ours), "contests": found},
                )
            )


@dataclasses.dataclass(frozen=True)
class Search:
    """What fcsearch searches: a space, what is changed in it, and what trains."""

    space: str
    overrides: tuple[str, ...]
    pool: str


class Contest:
    """One seed of one table.

    Args:
        table: What is learned.
        seed: Of the splits and trainings.
        budget: Seconds.
        ours: How fcsearch searches.
        folder: Where files go.
        python: The interpreter that has pytabkit.
    """

    def __init__(self, table: Table, seed: int, budget: int, ours: Search, folder: Path, python: str) -> None:
        self._table, self._seed, self._budget = table, seed, budget
        self._search, self._folder, self._python = ours, folder, python
        self._rows = rows = table.read(seed)
        self._train, self._test = folder / "train.parquet", folder / "test.parquet"
        rows.train.to_parquet(self._train, index=False)
        rows.test.to_parquet(self._test, index=False)

    def of(self, contestant: str) -> Iterator[dict[str, Any]]:
        """What a contestant reached; of fcsearch, by its single winner, and by its ensemble."""
        if contestant == OURS:
            yield from self._ours()
            return
        try:
            seconds, values, classes = learn(
                contestant, self._table, (self._train, self._test), self._seed, self._budget, self._python
            )
        except PeerError as error:
            print(f"skipped: {contestant}: {error}")
            return
        yield {"contestant": contestant, "seconds": seconds, **self._score(values, classes)}

    def _ours(self) -> Iterator[dict[str, Any]]:
        fcsearch = [sys.executable, "-m", "fcsearch"]
        began = time.perf_counter()
        options = ["--label", self._table.label, "--seed", self._seed, "--time-budget", f"{self._budget}s", "--quiet"]
        for setting in (
            f"objective={self._table.objective}",
            "dataset.test_fraction=0",
            f"dataset.split_seed={self._seed}",
            *self._search.overrides,
        ):
            options += ["--set", setting]
        options += ["--pool", self._search.pool, "--out", self._folder / "runs"]
        done = _run([*fcsearch, "run", self._search.space, "--dataset", self._train, *options])
        if done.returncode:
            raise SystemExit(done.stderr)
        run = done.stdout.strip().splitlines()[-1]
        seconds = round(time.perf_counter() - began, 1)
        for model, name in (("best", "fcsearch, single winner"), ("ensemble", "fcsearch, ensemble")):
            out = self._folder / f"{model}.parquet"
            done = _run([*fcsearch, "predict", run, self._test, "--model", model, "--out", out])
            if done.returncode:
                print(f"skipped: {name}: {_last_line(done)}")
                continue
            frame = pd.read_parquet(out)
            columns = [str(column) for column in frame]
            classes = [column.removeprefix("probability_") for column in columns if column.startswith("probability_")]
            values = frame[[f"probability_{name}" for name in classes] or ["prediction"]].to_numpy()
            yield {"contestant": name, "seconds": seconds, **self._score(values, classes)}

    def _score(self, values: np.ndarray, classes: Names) -> dict[str, float]:
        return score(self._table, self._rows.test[self._table.label], values, classes)


class PeerError(Exception):
    """A peer that is not installed, or failed; the message is the last line of what it said."""


def learn(
    peer: str, table: Table, files: tuple[Path, Path], seed: int, budget: float, python: str
) -> tuple[float, np.ndarray, np.ndarray]:
    """Let a peer learn from a file and predict another.

    Args:
        peer: One of PEERS.
        table: What the rows are.
        files: Parquet files of rows to learn from, and to predict.
        seed: Of its splits and trainings.
        budget: Seconds, for those that take a budget.
        python: The interpreter for one of PYTABKIT.

    Returns:
        Seconds of the whole command, the predictions (N, classes or 1), and the classes' names.

    Raises:
        PeerError: it is not installed, or failed.
    """
    out = files[1].with_name("out.npz")
    arguments = [peer, *files, "--label", table.label, "--seed", seed, "--scoring", SCORINGS[table.objective]]
    # Not each one's own choice: some count the machine's cores, and not those that may be used.
    arguments += ["--budget", budget, "--cores", available_cores(), "--out", out]
    arguments += ["--positive", table.positive] if table.positive is not None else []
    began = time.perf_counter()
    done = _run([python if peer in PYTABKIT else sys.executable, HERE / "peers" / "tabular.py", *arguments])
    seconds = round(time.perf_counter() - began, 1)
    if done.returncode:
        raise PeerError(_last_line(done))
    with np.load(out) as arrays:
        return seconds, arrays["values"], arrays["classes"]


def lines(found: Sequence[Mapping[str, Any]], contestants: str) -> list[dict[str, str]]:
    """One line for each that the key `contestants` names: mean and standard deviation over seeds."""
    shown = [name for name in FIGURES if any(name in entry for entry in found)]
    made = []
    for contestant in dict.fromkeys(entry[contestants] for entry in found):
        entries = [entry for entry in found if entry[contestants] == contestant]
        line = {contestants: contestant}
        for name in shown:
            values = [entry[name] for entry in entries if name in entry]
            spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
            line[name] = f"{statistics.mean(values):.4f}{spread}" if values else ""
        made.append({**line, "seconds": f"{statistics.mean(entry['seconds'] for entry in entries):.0f}"})
    return made


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    return next(reversed(done.stderr.strip().splitlines()), f"exit code {done.returncode}")


def _run(command: Sequence[Any]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


if __name__ == "__main__":
    main()
