"""`fcsearch init`: a search space for your data."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fcsearch.cli.search_arguments import dataset_name, default_space
from fcsearch.cli.shared_options import dataset_overrides
from fcsearch.errors import UsageError
from fcsearch.text import column_title

if TYPE_CHECKING:
    from fcsearch.config.objective import Task
    from fcsearch.data import Dataset, DatasetSpec
    from fcsearch.data.facts import ColumnFacts
    from fcsearch.space.overrides import Override

# A comment lists no more columns than these.
_MOST_COLUMNS = 30


@click.command()
@click.argument("data", default="digits", metavar="[DATA]")
@click.option("--label", metavar="COLUMN", help="Column to predict, if the dataset is a table.")
@click.option("--drop", multiple=True, metavar="COLUMN", help="A column to leave out; may be given several times.")
@click.option(
    "--space",
    "base",
    metavar="NAME",
    help="The space to start from. Default: small for a small table, else default.",
)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the space: dataset.dates=parts.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Default: the data's name with .yaml.")
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def init(
    data: str,
    label: str | None,
    drop: tuple[str, ...],
    base: str | None,
    overrides: tuple[str, ...],
    out: Path | None,
    force: bool,
) -> None:
    """Write a search space for DATA, a file, a folder or a dataset's name, with comments that explain each line.

    If DATA is a file, it is read: the space says what was found in it, and is sure to fit. Edit the space as you like,
    and run it.

    \b
    Example:
      fcsearch init customers.csv --label churn
      fcsearch init customers.csv --label churn --drop customer_id --out churn.yaml
      fcsearch init customers.csv --label churn --set dataset.dates=parts --set objective=roc_auc
      fcsearch init digits --space full --out my_space.yaml
    """
    from fcsearch.space.as_yaml import in_quotes
    from fcsearch.space.overrides import Override
    from fcsearch.space.shipped import is_space_file

    name = dataset_name(data)
    path = out or Path(f"{name}.yaml")
    if not is_space_file(path.name):
        raise UsageError(f"the name of a space file must end in .yaml or .yml; found --out {path}. Add the ending")
    if path.exists() and not force:
        raise UsageError(f"{path} already exists; replace it with --force, or name another file with --out")
    columns = f"[{', '.join(map(in_quotes, drop))}]"
    dropped = (Override(f"dataset.drop={columns}", f"--drop {' --drop '.join(drop)}"),) if drop else ()
    changes = (*dataset_overrides(overrides, label, None), *dropped)
    _write(path, _text(path, name, data, base or default_space(data), changes), force=force)
    click.echo(f"wrote {path}; edit it as you like, then\n  fcsearch run {shlex.quote(str(path))}")


def _text(path: Path, name: str, data: str, base: str, changes: Sequence[str | Override]) -> str:
    """The text of the space file, read back to check that it is a valid space."""
    from fcsearch.space import SearchSpace, load_space, shipped_space
    from fcsearch.space.document import read_text
    from fcsearch.space.template import space_text
    from fcsearch.space.written import rewritten

    file = shipped_space(base)
    before, space = load_space(file, dataset=data), load_space(file, overrides=changes, dataset=data)
    spec = space.dataset
    comment = [f"A search space for {spec.source}, made by `fcsearch init` from the space {base}.", ""]
    comment += [f"  fcsearch {command} {shlex.quote(str(path))}" for command in ("validate", "run")]
    task: Task = "classification"
    if not spec.is_named:
        dataset = _load(spec)
        task = dataset.task
        space.for_task(task)
        spec = dataclasses.replace(spec, label=dataset.details.get("label", spec.label))
        comment += ["", *_found(dataset, counted=not space.input_forms)]
    text = space_text(file.read_text(encoding="utf-8"), name=name, spec=spec, comment=comment, task=task)
    text = rewritten(text, before, space)
    SearchSpace.from_node(read_text(text, str(path)), default_name=name)
    return text


def _load(spec: DatasetSpec) -> Dataset:
    """The dataset; a column that cannot be used is refused with this command's own option."""
    from fcsearch.data import load_dataset
    from fcsearch.data.facts import ColumnsError
    from fcsearch.errors import DataError

    try:
        return load_dataset(spec)
    except ColumnsError as error:
        options = " ".join(f"--drop {shlex.quote(name)}" for name in error.features)
        raise DataError(error.leaving_out(options)) from None


def _found(dataset: Dataset, *, counted: bool) -> list[str]:
    """Lines that describe a dataset; its features are `counted` where each trial does not make its own."""
    from fcsearch.data.told import label_words, rare_classes

    train, val, test = (f"{len(part):,}" for part in (dataset.train, dataset.val, dataset.test))
    label = dataset.details.get("label")
    validated = f"{train} for training, {val} for validation"
    if dataset.others:
        validated = f"{len(dataset.train) + len(dataset.val):,} in {len(dataset.folds)} folds"
    count = [f"{dataset.input_dim:,}"] if counted or not dataset.columns else []
    columns_follow = ["from these columns:"] if dataset.columns else []
    lines = [
        f"Rows: {validated}, {test} for test",
        f"Task: {dataset.task}{f' by the column {label}' if label else ''}, {label_words(dataset)}",
        *(f"  {remark}" for remark in (dataset.one_sided(), rare_classes(dataset)) if remark),
        f"Features: {', '.join([*count, *columns_follow])}",
    ]
    used = [column for column in dataset.columns if column.use == "used"]
    columns = used[:_MOST_COLUMNS]
    width = max((len(column.title) for column in columns), default=0)
    lines += [f"  {column.title:<{width}}  {_kind(column)}" for column in columns]
    if more := len(used) - len(columns):
        lines.append(f"  and {more:,} more")
    if ignored := dataset.details["ignored_columns"]:
        lines.append(f"Columns that are not used: {', '.join(map(column_title, ignored))}")
    return lines


def _kind(column: ColumnFacts) -> str:
    return f"{len(column.categories)} categories" if column.categories else column.kind


def _write(path: Path, text: str, *, force: bool) -> None:
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"--out must be a file that can be written; found {path}: {error.strerror}") from None
