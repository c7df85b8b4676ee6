"""A run's tables as CSV files, for programs that do not read Parquet."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.csv import write_csv

from fcsearch.results.directory import RunDirectory
from fcsearch.results.export.history import run_name
from fcsearch.whole_file import whole_file

ERRORS = (pa.ArrowException,)


def write(run: RunDirectory, folder: Path) -> list[Path]:
    """Write `trials.csv`, `epochs.csv` and, where there are any, `confirmations.csv`, each with the run's name first.

    Lists of widths are text (`256-128`), times ISO 8601 in UTC, and what is null is empty. Errors as `write_trials`.
    """
    tables = {"trials": run.trials(), "epochs": run.epochs(), "confirmations": run.confirmations()}
    written = []
    for name, table in tables.items():
        if name == "confirmations" and not len(table):
            continue
        path = folder / f"{name}.csv"
        with whole_file(path) as stream:
            write_csv(_flat(table, run_name(run)), stream)
        written.append(path)
    return written


def _flat(table: pa.Table, name: str) -> pa.Table:
    columns = {"run": pa.array([name] * len(table), pa.string())}
    for field in table.drop_columns("run").schema:
        column = table[field.name]
        if pa.types.is_list(field.type):
            column = pc.binary_join(column.cast(pa.list_(pa.string())), "-")
        elif pa.types.is_timestamp(field.type):
            column = pc.strftime(column, format="%Y-%m-%dT%H:%M:%SZ")
        columns[field.name] = column
    return pa.table(columns)
