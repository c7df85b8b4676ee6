"""`fcsearch evaluate`: a run's saved network, measured on a split or on other rows."""

from __future__ import annotations

import dataclasses
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fcsearch.cli.number_types import AnyInteger
from fcsearch.cli.row_warnings import print_warnings
from fcsearch.cli.shared_options import dataset_options, output_format, runs_folder
from fcsearch.errors import UsageError

if TYPE_CHECKING:
    from fcsearch.data.others import OtherRows
    from fcsearch.evaluation import Measurement
    from fcsearch.results import RunDirectory


@click.command()
@click.argument("run", required=False)
@runs_folder
@click.option(
    "--model",
    metavar="best|confirmed|ensemble|refit|TRIAL",
    help="Which model. Default: the confirmed winner, or the best trial if none was confirmed; with folds its refit.",
)
@click.option("--trial", type=AnyInteger(), help="The same as --model TRIAL.")
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    help="Rows of the run's own dataset to measure on. Default: test; with --dataset, every row that it has.",
)
@dataset_options
@output_format
def evaluate(
    run: str | None,
    root: Path | str,
    model: str | None,
    trial: int | None,
    split: str | None,
    dataset: str | None,
    label: str | None,
    data_dir: str | None,
    form: str,
) -> None:
    """Measure a run's best network: its figures beside the baseline, for a classifier also class by class.

    It is measured on a split of the run's own dataset; with --dataset, on every row of another one. Columns are
    matched by name, in any order, and become features as in training: with the medians, scales and categories of the
    training rows. With both --dataset and --split, --dataset says where the run's own data are now.

    RUN is a run directory, or the name of a run in the runs' folder; the newest run if not given.

    \b
    Example:
      fcsearch evaluate runs/dropout
      fcsearch evaluate runs/dropout --model ensemble
      fcsearch evaluate runs/dropout --model 12 --split val
      fcsearch evaluate runs/customers --dataset customers_of_may.csv
    """
    from fcsearch.cli.console import print_sentence
    from fcsearch.evaluation import find_own_rows, load_run_dataset, measure_model, measure_moved, measure_other
    from fcsearch.report.lacking import lacking_notes
    from fcsearch.report.row_notes import own_rows_note
    from fcsearch.results import RunDirectory, resolve_run
    from fcsearch.results.model_file import is_refit
    from fcsearch.selection import forms_of, load_members

    if model is not None and trial is not None:
        raise UsageError(f"one model is measured; found --model {model} and --trial {trial}. Leave one of them out.")
    directory = RunDirectory.open(resolve_run(run, root))
    chosen = load_members(directory, model if trial is None else str(trial))
    other = None
    if label is not None and (dataset is None or split is not None):
        raise UsageError("--label is only for other data than the run's, whose label is known. Leave it out.")
    if dataset is None:
        rows = load_run_dataset(directory, data_dir=data_dir, forms=forms_of(chosen))
        found = measure_model(directory, chosen, rows, split or "test")
    elif split is not None:
        found = measure_moved(directory, chosen, dataset, split, data_dir=data_dir)
    else:
        found, other = measure_other(directory, chosen, dataset, label=label, data_dir=data_dir)
    known = None if other is None else find_own_rows(directory, chosen)
    own = None if other is None or known is None else known.count(other)
    if form == "json":
        facts = {**_facts(other), **({"own_rows": own} if other else {})}
        click.echo(json.dumps({**dataclasses.asdict(found), **facts}, indent=2))
        return
    if other is not None:
        print_warnings(other.unseen, other.ignored)
    _print(found, _model(found, directory), directory.path.name, dataset or Path(directory.dataset_spec().source).name)
    for note in lacking_notes(directory, [member.trial_id for member in chosen if member.trial_id is not None]):
        print_sentence(note)
    if found.split == "val" and any(is_refit(member.path) for member in chosen):
        print_sentence("it was trained on these rows: the figures say nothing about other rows")
    if own:
        name = shlex.quote(run or directory.path.name)
        print_sentence(own_rows_note(own, found.rows, directory.manifest(), f"`fcsearch evaluate {name}`"))


def _facts(other: OtherRows | None) -> dict[str, Any]:
    if other is None:
        return {}
    return {"ignored_columns": list(other.ignored), "unseen_categories": other.unseen}


def _print(found: Measurement, model: str, run: str, source: str) -> None:
    from rich.text import Text

    from fcsearch.cli.console import open_console, print_figures
    from fcsearch.report.class_tables import class_parts
    from fcsearch.report.summary_lines import measured_lines
    from fcsearch.report.verdict import not_ahead
    from fcsearch.text import printable

    console = open_console()
    # In one line, however long the path is.
    click.echo(printable(f"{model} of {run} on {_rows(found)} of {source}"))
    print_figures(measured_lines(found))
    if behind := not_ahead(found, "the ensemble" if found.networks > 1 else "the network"):
        console.print(Text(behind, style="bold yellow"))
    if found.classification:
        console.print()
        for part in class_parts(found.classification, width=console.width):
            console.print(part)


def _model(found: Measurement, run: RunDirectory) -> str:
    if found.networks > 1:
        return f"the ensemble of {found.networks} networks"
    if found.trial_id is None:
        return "the refit"
    described = run.manifest().dataset
    # Of a trial the network of one fold is kept, while its value is the mean over all of them.
    fold = f" (fold 1 of {len(described.folds)})" if described and described.folds else ""
    return f"trial {found.trial_id}{fold}"


def _rows(found: Measurement) -> str:
    if found.split != "all":
        return f"{found.rows:,} {found.place} rows"
    return f"all {found.rows:,} rows" if found.rows > 1 else "1 row"
