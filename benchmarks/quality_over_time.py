"""The test figure of the best network known after so many seconds of the whole command: fcsearch and its peers."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from common import RESULTS, chosen, keep_option, machine_name, save
from over_time_contestants import CONTESTANTS, Contestant, Piece
from over_time_datasets import SOURCES, Question, ask
from over_time_figure import TITLES, draw, markdown_tables

NAME = "quality-over-time"
FIGURE = Path(__file__).parents[1] / "docs" / "quality_over_time.png"


@click.command()
@click.option("--datasets", default=",".join(SOURCES), show_default=True)
@click.option("--contestants", default=",".join(CONTESTANTS), show_default=True)
@click.option("--seeds", default=3, show_default=True, help="Rounds, with seeds 0, 1, ...")
@click.option("--times", default="5,10,30", show_default=True, help="Seconds that are looked at; the last ends peers.")
@click.option("--pytabkit-python", default=sys.executable, help="The interpreter that has pytabkit. Default: this one.")
@click.option("--again", is_flag=True, help="Measure what is in the results already, too.")
@keep_option
@click.option("--draw", "only_draw", is_flag=True, help="Measure nothing; draw the docs' figure from the results.")
def main(
    datasets: str,
    contestants: str,
    seeds: int,
    times: str,
    pytabkit_python: str,
    again: bool,
    keep: bool,
    only_draw: bool,
) -> None:
    """Give each contestant the same rows, the same space, all cores and the same time, one after the other.

    fcsearch answers by whole commands, one for each of the times, with what they do at the end (confirmation, ensemble,
    report): its figure is the one in the report, known when the command is over. The peers run once, for the last of
    the times; an epoch that is better on validation rows than all before counts at once, as if its network had been
    saved and measured for nothing: they run as much longer as they measure test rows. pytabkit's fits tell nothing
    before their end, and most take longer.

    Every finished piece is saved: started again, the benchmark goes on. With the defaults it takes 40 minutes on two
    cores, and half an hour more where pytabkit is installed.

    \b
    Example:
      python benchmarks/quality_over_time.py --datasets digits --seeds 1 --times 5,15
    """
    moments = sorted(float(moment) for moment in times.split(","))
    names = chosen(datasets, SOURCES)
    pieces: dict[str, Piece] = {} if again and not only_draw else saved_pieces()
    if not only_draw:
        for key, piece in measure(names, chosen(contestants, CONTESTANTS), seeds, moments, pytabkit_python, pieces):
            pieces[key] = piece
            print(json.dumps({key: piece}), flush=True)
            if keep:
                save(NAME, {"times": moments, "pieces": {**saved_pieces(), **pieces}})
    for dataset, table in markdown_tables(pieces, moments).items():
        print(f"\n{TITLES[dataset]}\n\n{table}")
    if only_draw:
        print(draw(pieces, FIGURE))


def saved_pieces() -> dict[str, Piece]:
    """What this machine has measured, by `key_of`."""
    path = RESULTS / f"{machine_name()}.json"
    content: Mapping[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return dict(content.get(NAME, {}).get("pieces", {}))


def key_of(dataset: str, contestant: str, seconds: float, seed: int) -> str:
    """The name of a piece."""
    return f"{dataset}/{contestant}/{seconds:g}/{seed}"


def measure(
    datasets: Sequence[str],
    contestants: Sequence[str],
    seeds: int,
    moments: Sequence[float],
    python: str,
    known: Mapping[str, Piece],
) -> Iterator[tuple[str, Piece]]:
    """Run everyone in turns, so that a machine's moods hit all alike; what is known already is not run again."""
    with tempfile.TemporaryDirectory(prefix="fcsearch-bench-") as above:
        for seed in range(seeds):
            for dataset in datasets:
                missing = [
                    (name, seconds)
                    for name in contestants
                    for seconds in seconds_of(CONTESTANTS[name], moments)
                    if key_of(dataset, name, seconds, seed) not in known
                ]
                if not missing:
                    continue
                with tempfile.TemporaryDirectory(prefix=f"{dataset}-", dir=above) as folder:
                    question = ask(dataset, seed, Path(folder))
                    if question is not None:
                        yield from answers(question, dataset, seed, missing, python)


def seconds_of(contestant: Contestant, moments: Sequence[float]) -> list[float]:
    """The time of each of a contestant's commands."""
    return [moment for moment in moments if moment >= contestant.least] if contestant.commands else [moments[-1]]


def answers(
    question: Question, dataset: str, seed: int, missing: Sequence[tuple[str, float]], python: str
) -> Iterator[tuple[str, Piece]]:
    """What the contestants make of a question."""
    for name, seconds in missing:
        contestant = CONTESTANTS[name]
        if contestant.tables and question.frames is None:
            continue
        piece = contestant.run(question, seed, seconds, python)
        if piece is not None:
            yield key_of(dataset, name, seconds, seed), piece


if __name__ == "__main__":
    main()
