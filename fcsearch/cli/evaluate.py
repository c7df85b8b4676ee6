"""`fcsearch evaluate`: a run's saved network, measured on a split."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fcsearch.data.dataset import Dataset
    from fcsearch.report import Measurement
    from fcsearch.results import RunDirectory


@click.command()
@click.argument("run", required=False)
@click.option(
    "--dir", "root", type=click.Path(path_type=Path), default="runs", show_default=True, help="The runs' folder."
)
@click.option("--trial", type=int, help="A trial whose model was kept; the best one if not given.")
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="test", show_default=True)
@click.option("--dataset", help="A name or a path to use in place of the run's source.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def evaluate(run: str | None, root: Path, trial: int | None, split: str, dataset: str | None, form: str) -> None:
    """Measure a run's best network on a split of its dataset: accuracy beside the base line, and class by class.

    RUN is a run directory, or the name of a run in the runs' folder; the newest run if not given.

    \b
    Example:
      fcsearch evaluate runs/dropout
      fcsearch evaluate runs/dropout --trial 12 --split val
      fcsearch evaluate runs/dropout --dataset /data/cifar10-train.parquet
    """
    from fcsearch.report import measure
    from fcsearch.results import open_run, resolve_run

    opened = open_run(resolve_run(run, root))
    chosen = opened.best["trial_id"] if trial is None else trial
    found = measure(opened.directory, chosen, _load(opened.directory, dataset), split)
    if form == "json":
        click.echo(json.dumps(dataclasses.asdict(found), indent=2))
    else:
        _print(found)


def _load(run: RunDirectory, source: str | None) -> Dataset:
    from fcsearch.report import load_run_dataset

    dataset = load_run_dataset(run, source=source)
    expected = run.manifest()["dataset"].get("fingerprint")
    if dataset.fingerprint != expected:
        click.echo(
            f"fcsearch: other data than the run's (fingerprint {dataset.fingerprint}, the run has {expected}): "
            "they are scaled by their own training rows, and the network may have been trained on some of them",
            err=True,
        )
    return dataset


def _print(found: Measurement) -> None:
    from rich.text import Text

    from fcsearch.cli.console import open_console
    from fcsearch.report.class_tables import class_parts
    from fcsearch.report.phrases import measured_lines
    from fcsearch.report.words import number

    console = open_console()
    console.print(f"trial {found.trial_id} on {found.rows:,} {found.split} rows")
    for name, value, remark in [*measured_lines(found), ("loss", number(found.loss), "")]:
        console.print(Text(f"  {name:<17}  {value:>7}  {remark}".rstrip()))
    if found.classification:
        for part in class_parts(found.classification, width=console.width):
            console.print(part)
