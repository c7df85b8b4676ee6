"""`fcsearch predict`: a model's predictions for new rows."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fcsearch.cli.row_warnings import print_warnings
from fcsearch.cli.shared_options import model_options
from fcsearch.errors import UsageError
from fcsearch.urls import is_url

if TYPE_CHECKING:
    from fcsearch.inference.sink import TableSink


@click.command()
@click.argument("given", nargs=-1, metavar="[RUN|MODEL] INPUT")
@click.option(
    "--out", metavar="FILE", default="-", help="A .parquet or .csv file; -, the default: CSV to standard output."
)
@click.option(
    "--keep",
    metavar="COLUMNS",
    multiple=True,
    help="Columns of INPUT to copy to the output, separated by commas; may be repeated.",
)
@model_options
@click.option("--data-dir", metavar="DIR", help="Folder with the files of a named dataset that are already there.")
def predict(
    given: tuple[str, ...],
    out: str,
    keep: tuple[str, ...],
    model: str | None,
    root: Path | str,
    data_dir: str | None,
) -> None:
    """Predict every row of INPUT: a CSV, TSV, Parquet or NPZ file, an image, a folder, a glob, or a dataset's name.

    Columns are matched by name, in any order, and become features as in training. A label is not needed. The output has
    a column `prediction` and a column `probability_<class>` for each class; for a regression only `prediction`, in the
    unit of the label. Its rows are those of INPUT, in the same order; images have their names in a column `file`,
    as they are within their folder. A file may be larger than memory.

    RUN is a run directory, or the name of a run in the runs' folder, the newest run if not given; MODEL is a single
    .safetensors file.

    \b
    Example:
      fcsearch predict customers new_customers.csv --out predictions.csv --keep customer_id
      fcsearch predict runs/digits images/ --model 12 --out predictions.parquet
      fcsearch predict model.safetensors new_customers.parquet | head
    """
    from fcsearch.cli.console import print_sentence
    from fcsearch.data import DatasetSpec
    from fcsearch.inference.choosing import choose_model
    from fcsearch.inference.predicting import check_not_input, predict_source
    from fcsearch.inference.sink import check_out
    from fcsearch.report.lacking import lacking_notes

    which, data = _arguments(given, root)
    spec = DatasetSpec(data, data_dir=data_dir)
    if out != "-":
        check_out(Path(out))
        check_not_input(Path(out), spec)
    chosen = choose_model(which, model, root)
    if which is None:
        # At once: the rows may not fit it, and a reader of the predictions may leave before their end.
        print_sentence(f"fcsearch: predictions by {chosen.name}, the newest run", sys.stderr)
    with _sink(out) as sink, _progress() as progress:
        found = predict_source(chosen.predictor, spec, sink.write, keep=keep, progress=progress)
    print_warnings(found.unseen, found.ignored)
    for note in lacking_notes(chosen.run.directory, chosen.trials) if chosen.run else ():
        print_sentence(f"fcsearch: {note}", sys.stderr)
    if out != "-":
        print_sentence(f"wrote {found.rows:,} predictions by {chosen.name} to {out}")


def _arguments(given: tuple[str, ...], root: Path | str) -> tuple[str | None, str]:
    """The run or model, None for the newest run; and the rows."""
    if len(given) not in (1, 2):
        found = f"found {len(given)} arguments" if given else "found nothing"
        raise UsageError(
            "name the rows to predict, and before them a run or a model, if it is not the newest run: "
            f"`fcsearch predict [RUN|MODEL] INPUT`; {found}"
        )
    if len(given) == 1 and (what := _other_than_rows(given[0], root)):
        raise UsageError(
            f"name the rows to predict behind the {what}: `fcsearch predict {shlex.quote(given[0])} INPUT`; found no "
            "INPUT: a CSV, TSV, Parquet or NPZ file, an image, a folder, a glob, or a dataset's name"
        )
    return (given[0], given[1]) if len(given) == 2 else (None, given[0])


def _other_than_rows(given: str, root: Path | str) -> str | None:
    """What the only argument names, a `run` or a `model`; None if it may name rows."""
    from fcsearch.data.spec import DATASET_NAMES
    from fcsearch.inference.choosing import MODEL_ENDING
    from fcsearch.results.no_run import MANIFEST

    if given.endswith(MODEL_ENDING):
        return "model"
    if (is_url(given) and not Path(given).suffix) or (Path(given) / MANIFEST).is_file():
        return "run"
    rows = Path(given).exists() or given in DATASET_NAMES
    return None if rows or is_url(root) or not Path(root, given, MANIFEST).is_file() else "run"


@contextlib.contextmanager
def _sink(out: str) -> Iterator[TableSink]:
    from fcsearch.inference.sink import TableSink, open_sink

    if out != "-":
        with open_sink(Path(out)) as sink:
            yield sink
        return
    stream = sys.stdout.buffer
    sink = TableSink(stream, ".csv")
    yield sink
    sink.close()
    stream.flush()


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[float], None]]:
    """A bar on standard error while the block runs, where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

    from fcsearch.cli.console import open_console

    columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=open_console(sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda share: bar.update(task, completed=share)
