"""The output of predictions: a Parquet or CSV file, written part by part but whole or not at all, or a CSV stream."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from fcsearch.errors import DataError, UsageError
from fcsearch.whole_file import whole_file
from fcsearch.wording import option

FORMATS = (".parquet", ".csv")
# Rows gathered before they are written: many small parts would make many small row groups.
_GROUP_ROWS, _GROUP_BYTES = 1 << 16, 1 << 26


class TableSink:
    """Tables of the same columns, one after another, into a binary stream."""

    def __init__(self, stream: IO[bytes], form: str) -> None:
        self._stream = stream
        self._form = form
        self._waiting: list[pa.Table] = []
        self._writer: Any = None
        self._schema: pa.Schema | None = None

    def write(self, table: pa.Table) -> None:
        """Add a table's rows; DataError if its columns do not match earlier ones, or cannot be in a CSV file."""
        table = _without_dictionaries(table)
        self._schema = self._schema or table.schema
        try:
            self._waiting.append(table.cast(self._schema))
        except (pa.ArrowException, ValueError) as error:
            raise DataError(
                f"a kept column must have one type in all files; found {error}. Leave it out of {option('keep')}."
            ) from error
        full = sum(len(part) for part in self._waiting) >= _GROUP_ROWS
        if full or sum(part.nbytes for part in self._waiting) >= _GROUP_BYTES or self._form == ".csv":
            self._flush()

    def close(self) -> None:
        """Write the pending rows, and the end of the file."""
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        if not self._waiting:
            return
        table, self._waiting = pa.concat_tables(self._waiting), []
        try:
            if self._writer is None:
                kind = pa.csv.CSVWriter if self._form == ".csv" else pa.parquet.ParquetWriter
                self._writer = kind(self._stream, table.schema)
            self._writer.write_table(table)
        except pa.ArrowException as error:
            raise DataError(
                f"{option('keep')} must name columns that a {self._form} file can hold; found: {error}. Leave them "
                "out, or write a .parquet file."
            ) from error


def check_out(out: Path) -> None:
    """Refuse a file to which predictions cannot be written, before any are made; UsageError."""
    if out.suffix.lower() not in FORMATS:
        raise UsageError(f"{option('out')} must end in {' or '.join(FORMATS)}, or be -; found {out}. Add the ending.")
    check_file_place(out)


def check_file_place(out: Path, *, by: str = "out") -> None:
    """Refuse a file, named `by` that option, whose folder is missing or cannot be written to; UsageError."""
    folder = out.absolute().parent
    if out.is_dir():
        raise UsageError(f"{option(by)} must be a file; found the folder {out}. Name a file in it.")
    if not folder.is_dir():
        raise UsageError(
            f"{option(by)} must name a file in a folder that exists; found {out}. Create the folder first."
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(
            f"{option(by)} must be a file that can be written; {folder} is not writable. Name another place."
        )


@contextlib.contextmanager
def open_sink(out: Path) -> Iterator[TableSink]:
    """A sink into a file, which gets its name when all has been written and then replaces an older file.

    Raises:
        UsageError: the file system refuses.
    """
    with open_out(out) as stream:
        sink = TableSink(stream, out.suffix.lower())
        yield sink
        sink.close()


@contextlib.contextmanager
def open_out(out: Path) -> Iterator[IO[bytes]]:
    """A binary stream into a file that gets its name at the end; UsageError if the file system refuses."""
    try:
        with whole_file(out) as stream:
            yield stream
    except OSError as error:
        raise UsageError(
            f"{option('out')} must be a file that can be written; found {out}: {error.strerror or error}. Name "
            "another place."
        ) from error


def _without_dictionaries(table: pa.Table) -> pa.Table:
    """The table with plain values: dictionaries differ from part to part."""
    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))
