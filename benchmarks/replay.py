"""Compares ways to search on tables of learning curves (curves.py), in simulated time."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import click
import numpy as np
import optuna
import pyarrow as pa
import pyarrow.parquet as pq
from common import RESULTS, chosen
from curve_cases import CASES
from curve_table import CurveTable
from curves import FOLDER
from marks import insert, markdown
from portfolio import source, space
from replayed_joins import undisturbed
from replayed_search import WORKERS, Course
from ways import GROUPS, WAYS, Named

FILE = RESULTS / "replay.parquet"
DOCUMENT = Path(__file__).parents[1] / "docs" / "search.md"
SHARES = (0.1, 0.2, 1 / 3, 0.5, 2 / 3, 1.0)
# Of the tables in which several are side by side.
FEW_SHARES = (0.2, 1 / 3, 1.0)
REFERENCE = "today"
# So many configurations could be trained to their end on each worker in the simulated time of a search.
TRAININGS = 20

Key = tuple[str, str, int]
Courses = dict[Key, Course]


@click.command()
@click.option(
    "--tables", help="Default: those of the four datasets, of the space `full` for the group full, else of `default`."
)
@click.option("--group", type=click.Choice(list(GROUPS)), default="ways", show_default=True, help="See ways.py.")
@click.option("--ways", help="Default: all of the group.")
@click.option("--seeds", default=20, show_default=True, help="Searches of each, with seeds 0, 1, ...")
@click.option(
    "--file", type=click.Path(path_type=Path), default=FILE, help="Keeps courses; those in it are not run again."
)
@click.option("--document/--no-document", default=False, help="Whether to put the tables into docs/search.md.")
def main(tables: str | None, group: str, ways: str | None, seeds: int, file: Path, document: bool) -> None:
    """Replay searches, and print what was known after shares of the time.

    The same seeds give the same figures on any machine, whatever else it does.

    \b
    Example:
      python benchmarks/replay.py --tables digits-default --ways today,random --seeds 2 --file /tmp/replay.parquet
    """
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    names = chosen(tables, CASES) if tables else tables_of(group)
    known = {name: CurveTable(FOLDER / f"{name}.parquet") for name in names}
    courses = read(file)
    for name in names:
        others = others_of(name)
        for way in chosen(ways or ",".join(GROUPS[group]), GROUPS[group]):
            named = GROUPS[group][way]
            for seed in range(seeds):
                if (name, way, seed) not in courses:
                    courses[name, way, seed] = named.course(known[name], seconds(known[name], named), seed, others)
            write(file, courses)
            print(f"{name}: {way}", flush=True)
    text = text_of(group, known, courses)
    print("\n\n".join(text.values()))
    if document:
        DOCUMENT.write_text(insert(DOCUMENT.read_text(), text)[0])


def tables_of(group: str) -> list[str]:
    """The tables that the ways of a group are compared on."""
    return [
        f"{data}-{'full' if group == 'full' else 'default'}" for data in ("digits", "adult", "california", "cifar10")
    ]


def others_of(name: str) -> list[CurveTable]:
    """The tables of the same space that hold other data."""
    files = (FOLDER / f"{other}.parquet" for other in CASES)
    beside = [file for file in files if space(file.stem) == space(name) and source(file.stem) != source(name)]
    return [CurveTable(file) for file in beside if file.is_file()]


def text_of(group: str, known: Mapping[str, CurveTable], courses: Courses) -> dict[str, str]:
    """The tables of a group in Markdown, by their marks in the document."""
    if group == "ways":
        text = {f"replay-{name}": regrets(name, table, courses) for name, table in known.items()}
        return text | {"replay-ranks": ranks(WAYS, known, courses)}
    return {
        f"replay-{group}": side_by_side(GROUPS[group], known, courses),
        f"replay-{group}-ranks": ranks(GROUPS[group], known, courses),
    }


def seconds(table: CurveTable, way: Named) -> float:
    """The simulated time of a search."""
    return undisturbed(way.cost, table) if way.cost else TRAININGS * table.mean_seconds() * 2 / WORKERS


def regrets(name: str, table: CurveTable, courses: Courses) -> str:
    """Mean regret after shares of the time, and when a way knew what today's knows at its end."""
    end = seconds(table, WAYS[REFERENCE])
    shown, digits = (100, 2) if table.objective.unit == "fraction" else (1, 3)
    goal = float(regret(name, REFERENCE, table, courses, [end])[0])
    rows = []
    for way in ways_of(name, courses):
        found = regret(name, way, table, courses, [share * end for share in SHARES])
        steps = np.linspace(0.01, 1, 100)
        met = [
            share
            for share, mean in zip(steps, regret(name, way, table, courses, steps * end), strict=True)
            if mean <= goal
        ]
        mine = [course for key, course in courses.items() if key[:2] == (name, way)]
        cells = [f"{shown * value:.{digits}f}" if math.isfinite(value) else "-" for value in found]
        trials = np.mean([course.trials for course in mine])
        rows.append([WAYS[way].what, *cells, f"{met[0]:.2f}" if met else "-", f"{trials:.0f}", str(len(mine))])
    shares = [f"{share:.2g}" for share in SHARES]
    return markdown([name, *shares, "as good as today's at", "trials", "seeds"], rows)


def regret(name: str, way: str, table: CurveTable, courses: Courses, times: Iterable[float]) -> np.ndarray:
    """The mean over seeds of what is missing to the best row, at some times; infinite where a seed knows nothing."""
    mine = [course for key, course in courses.items() if key[:2] == (name, way)] or [Course((), (), 0)]
    return np.array([np.mean([table.best - course.at(time) for course in mine]) for time in times])


def ranks(group: Mapping[str, Named], known: Mapping[str, CurveTable], courses: Courses) -> str:
    """The mean rank of each way among those that were run on all tables, over tables and seeds."""
    ways = [way for way in group if all(way in ways_of(name, courses, group) for name in known)]
    common = [key for key in courses if key[1] == ways[0] and all((key[0], way, key[2]) in courses for way in ways)]
    rows = []
    places: dict[float, np.ndarray] = {}
    for share in SHARES:
        gains = np.array(
            [
                [courses[name, way, seed].at(share * seconds(known[name], group[way])) for way in ways]
                for name, _, seed in common
                if name in known
            ]
        )
        better = (gains[:, None, :] > gains[:, :, None]).sum(axis=2)
        equal = (gains[:, None, :] == gains[:, :, None]).sum(axis=2)
        places[share] = (better + (equal + 1) / 2).mean(axis=0)
    for number, way in enumerate(ways):
        rows.append([group[way].what, *(f"{places[share][number]:.1f}" for share in SHARES)])
    return markdown([f"mean rank of {len(ways)}", *(f"{share:.2g}" for share in SHARES)], rows)


def side_by_side(group: Mapping[str, Named], known: Mapping[str, CurveTable], courses: Courses) -> str:
    """Mean regret on several tables, by way; then the trials, the mean of all tables."""
    rows = []
    for way, named in group.items():
        if not any(way in ways_of(name, courses, group) for name in known):
            continue
        cells, counts, seeds = list[str](), list[float](), set[int]()
        for name, table in known.items():
            end = seconds(table, named)
            shown, digits = (100, 2) if table.objective.unit == "fraction" else (1, 3)
            found = regret(name, way, table, courses, [share * end for share in FEW_SHARES])
            cells.append(" / ".join(f"{shown * v:.{digits}f}" if math.isfinite(v) else "-" for v in found))
            mine = {key[2]: course.trials for key, course in courses.items() if key[:2] == (name, way)}
            counts += mine.values()
            seeds |= set(mine)
        rows.append([named.what, *cells, f"{np.mean(counts):.0f}", str(len(seeds))])
    shares = " / ".join(f"{share:.2g}" for share in FEW_SHARES)
    return markdown([f"after {shares} of the time", *known, "trials", "seeds"], rows)


def ways_of(name: str, courses: Courses, group: Mapping[str, Named] = WAYS) -> list[str]:
    """The ways that were replayed on a table, in the order of ways.py."""
    return [way for way in group if any(key[:2] == (name, way) for key in courses)]


def read(file: Path) -> Courses:
    """The courses in a file; none where there is no file."""
    if not file.is_file():
        return {}
    return {
        (row["table"], row["way"], row["seed"]): Course(tuple(row["times"]), tuple(row["gains"]), row["trials"])
        for row in pq.read_table(file).to_pylist()
    }


def write(file: Path, courses: Courses) -> None:
    """Keep courses."""
    rows = [
        {"table": key[0], "way": key[1], "seed": key[2], "trials": course.trials}
        | {"times": [round(t, 5) for t in course.times], "gains": [round(g, 6) for g in course.gains]}
        for key, course in sorted(courses.items())
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), file, compression="zstd")


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    main()
