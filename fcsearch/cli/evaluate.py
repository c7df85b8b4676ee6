"""`fcsearch evaluate`: a run's saved network, measured on a split or on other rows."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fcsearch.cli.dataset_options import dataset_options
from fcsearch.errors import UsageError

if TYPE_CHECKING:
    from fcsearch.data.others import OtherRows
    from fcsearch.evaluation import Measurement


@click.command()
@click.argument("run", required=False)
@click.option(
    "--dir", "root", type=click.Path(path_type=Path), default="runs", show_default=True, help="The runs' folder."
)
@click.option("--trial", type=int, help="A trial whose model was kept; the best one if not given.")
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    help="Rows of the run's own dataset to measure on. Default: test; with --dataset, every row that it has.",
)
@dataset_options
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def evaluate(
    run: str | None,
    root: Path,
    trial: int | None,
    split: str | None,
    dataset: str | None,
    label: str | None,
    data_dir: str | None,
    form: str,
) -> None:
    """Measure a run's best network: its figures beside the base line, of a classifier class by class too.

    It is measured on a split of the run's own dataset; with --dataset on every row of another one. Its columns are
    matched by name, in any order, and become features by what the training rows said: their medians, scales and
    categories. With --dataset and --split it is the run's own data, which lie elsewhere now.

    RUN is a run directory, or the name of a run in the runs' folder; the newest run if not given.

    \b
    Example:
      fcsearch evaluate runs/dropout
      fcsearch evaluate runs/dropout --trial 12 --split val
      fcsearch evaluate runs/customers --dataset customers_of_may.csv
    """
    from fcsearch.evaluation import load_run_dataset, measure, measure_moved, measure_other
    from fcsearch.results import open_run, resolve_run

    opened = open_run(resolve_run(run, root))
    directory, chosen = opened.directory, opened.best["trial_id"] if trial is None else trial
    other = None
    if label is not None and (dataset is None or split is not None):
        raise UsageError("--label is for other rows than the run's, which knows its own label. Leave it out.")
    if dataset is None:
        found = measure(directory, chosen, load_run_dataset(directory, data_dir=data_dir), split or "test")
    elif split is not None:
        found = measure_moved(directory, chosen, dataset, split, data_dir=data_dir)
    else:
        found, other = measure_other(directory, chosen, dataset, label=label, data_dir=data_dir)
    if form == "json":
        click.echo(json.dumps({**dataclasses.asdict(found), **_facts(other)}, indent=2))
        return
    for note in _notes(other):
        click.echo(f"fcsearch: {note}", err=True)
    _print(found)


def _facts(other: OtherRows | None) -> dict[str, Any]:
    if other is None:
        return {}
    return {"ignored_columns": list(other.ignored), "unseen_categories": other.unseen}


def _notes(other: OtherRows | None) -> list[str]:
    """What the user should know of rows that are not the run's."""
    from fcsearch.report.words import plural

    if other is None:
        return []
    notes = []
    for name, counts in other.unseen.items():
        examples = ", ".join(repr(value) for value, _ in counts.most_common(3))
        notes.append(
            f"column {name!r} has {plural(counts.total(), 'value')} that the training rows do not have ({examples}"
            f"{', ...' if len(counts) > 3 else ''}): coded as none of the known categories"
        )
    if other.ignored:
        names = ", ".join(name or "(unnamed)" for name in other.ignored)
        notes.append(f"ignored what the network does not read: {names}")
    return notes


def _print(found: Measurement) -> None:
    from rich.text import Text

    from fcsearch.cli.console import open_console
    from fcsearch.report.class_tables import class_parts
    from fcsearch.report.phrases import measured_lines
    from fcsearch.report.words import number

    console = open_console()
    console.print(f"trial {found.trial_id} on {_rows(found)}")
    for name, value, remark in [*measured_lines(found), ("loss", number(found.loss), "")]:
        console.print(Text(f"  {name:<17}  {value:>7}  {remark}".rstrip()))
    if found.classification:
        for part in class_parts(found.classification, width=console.width):
            console.print(part)


def _rows(found: Measurement) -> str:
    return f"all {found.rows:,} rows" if found.split == "all" else f"{found.rows:,} {found.split} rows"
