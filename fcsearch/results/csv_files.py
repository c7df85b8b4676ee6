"""A run's tables as CSV files, for programs that do not read Parquet."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.csv import write_csv

from fcsearch.errors import RunError
from fcsearch.results.directory import RunDirectory
from fcsearch.whole_file import whole_file


def write_csv_files(run: RunDirectory, folder: Path) -> list[Path]:
    """Write `trials.csv`, `epochs.csv` and, where there are any, `confirmations.csv`, each with the run's name first.

    Lists of widths are text (`256-128`), times ISO 8601 in UTC, and what is null is empty.

    Args:
        run: The run directory, also of a run in progress.
        folder: Where the files go; made if missing. Files that are there are replaced, each whole.

    Returns:
        The files.

    Raises:
        RunError: the run is damaged, or the folder cannot be written.
    """
    tables = {"trials": run.trials(), "epochs": run.epochs(), "confirmations": run.confirmations()}
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            if name == "confirmations" and not len(table):
                continue
            path = folder / f"{name}.csv"
            with whole_file(path) as stream:
                write_csv(_flat(table, run.path.resolve().name), stream)
            written.append(path)
    except OSError as error:
        raise RunError(
            f"{folder} must be a folder to write to; found: {error.strerror or error}; choose another with --out"
        ) from error
    return written


def _flat(table: pa.Table, name: str) -> pa.Table:
    columns = {"run": pa.array([name] * len(table), pa.string())}
    for field in table.schema:
        column = table[field.name]
        if pa.types.is_list(field.type):
            column = pc.binary_join(column.cast(pa.list_(pa.string())), "-")
        elif pa.types.is_timestamp(field.type):
            column = pc.strftime(column, format="%Y-%m-%dT%H:%M:%SZ")
        columns[field.name] = column
    return pa.table(columns)
