"""Tables in files, read part by part: no file needs to fit into memory."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from fcsearch.data.kinds import without_views
from fcsearch.data.sources.formats import (
    CSV,
    MISSING,
    PARQUET,
    check_size,
    check_text,
    delimiter_of,
    is_index,
    readable,
    width_of,
)
from fcsearch.data.sources.paths import format_of
from fcsearch.errors import DataError

# Bytes of a CSV file that are read at a time; no row may be longer.
BLOCK = 1 << 22
_NO_VALUE = re.compile(r"Failed to parse (?:string: (.*?) as a scalar|value: (.*))")
_NO_NUMBER = re.compile(r"In CSV column #(\d+): .*conversion error to \w+: invalid value (.*)")


@dataclasses.dataclass(frozen=True)
class TablePart:
    """Some rows of a file.

    Attributes:
        table: (n rows) The columns that are read, missing values as nulls.
        kept: (n rows) The columns to copy to the output.
        share: The fraction of the file that has been read, from 0 to 1.
    """

    table: pa.Table
    kept: pa.Table
    share: float


def file_schema(path: Path, *, decimal: str = ".", block: int = BLOCK) -> pa.Schema:
    """The columns of a Parquet or CSV file, with its metadata; a CSV file's types are those of its first rows.

    Raises:
        DataError: it cannot be read.
    """
    if format_of(path) == "csv":
        check_text(path)
        with (
            readable(path, CSV),
            csv_bytes(path) as stream,
            pyarrow.csv.open_csv(
                stream,
                convert_options=pyarrow.csv.ConvertOptions(null_values=list(MISSING), decimal_point=decimal),
                **_csv_options(path, block),
            ) as reader,
        ):
            fields = [(field.name, field) for field in reader.schema]  # names are decoded here
            return pa.schema([field for _, field in fields[: width_of(reader.schema)]])
    check_size(path)
    with readable(path, PARQUET), pyarrow.parquet.ParquetFile(path) as file:
        schema = file.schema_arrow
    return pa.schema([field for field in schema if not is_index(field.name)], metadata=schema.metadata)


def stream_file(
    path: Path,
    schema: pa.Schema,
    *,
    read: Collection[str],
    texts: Collection[str],
    keep: Sequence[str],
    rows: int,
    decimal: str = ".",
    block: int = BLOCK,
) -> Iterator[TablePart]:
    """Read some columns of a file, in the order of its rows.

    Args:
        path: A Parquet or CSV file.
        schema: Its `file_schema`.
        read: The columns to read.
        texts: Those of them that stay text in a CSV file; the others are numbers.
        keep: The columns to carry along. Those of a CSV file stay the text that they are.
        rows: At most so many at a time.
        decimal: The sign before fractions in a CSV file.
        block: Bytes of a CSV file that are read at a time.

    Raises:
        DataError: the file cannot be read.
    """
    wanted = [name for name in schema.names if name in read or name in keep]
    both: dict[str, pa.DataType] = {}
    if format_of(path) == "csv":
        types = {name: _csv_type(schema.field(name), name in read and name not in texts) for name in wanted}
        both = {name: kind for name, kind in types.items() if name in keep and not pa.types.is_string(kind)}
        tables = _csv_tables(path, schema.names, types | dict.fromkeys(both, pa.string()), decimal, block)
    else:
        tables = _parquet_tables(path, wanted, rows)
    for table, share in tables:
        for start in range(0, table.num_rows, rows):
            some = table.slice(start, rows)
            kept = some.select(list(keep))
            csv = format_of(path) == "csv"
            found = _with_numbers(_with_gaps(some), both, decimal, path) if csv else without_views(some)
            yield TablePart(found, kept, share)


def _parquet_tables(path: Path, columns: list[str], rows: int) -> Iterator[tuple[pa.Table, float]]:
    with readable(path, PARQUET), pyarrow.parquet.ParquetFile(path) as file:
        done = 0
        for batch in file.iter_batches(batch_size=rows, columns=columns):
            done += batch.num_rows
            yield pa.Table.from_batches([batch]).replace_schema_metadata(None), done / file.metadata.num_rows


def _csv_tables(
    path: Path, names: Sequence[str], types: dict[str, pa.DataType], decimal: str, block: int
) -> Iterator[tuple[pa.Table, float]]:
    options = pyarrow.csv.ConvertOptions(
        column_types=types,
        include_columns=list(types),
        null_values=list(MISSING),
        strings_can_be_null=False,
        decimal_point=decimal,
    )
    with (
        readable(path, CSV),
        _numbers_expected(path, names),
        pa.OSFile(str(path)) as raw,
        csv_bytes(path, raw) as stream,
        pyarrow.csv.open_csv(stream, convert_options=options, **_csv_options(path, block)) as reader,
    ):
        for batch in reader:
            yield pa.Table.from_batches([batch]), raw.tell() / raw.size()


def csv_bytes(path: Path, raw: pa.NativeFile | None = None) -> pa.NativeFile:
    """The bytes of a CSV file, decompressed; `raw` is the file, if it is already open."""
    raw = raw or pa.OSFile(str(path))
    return pa.CompressedInputStream(raw, "gzip") if path.suffix == ".gz" else raw


def _csv_options(path: Path, block: int) -> dict[str, pa.csv.ParseOptions | pa.csv.ReadOptions]:
    return {
        "parse_options": pyarrow.csv.ParseOptions(delimiter=delimiter_of(path), newlines_in_values=True),
        "read_options": pyarrow.csv.ReadOptions(block_size=block),
    }


def _csv_type(field: pa.Field, number: bool) -> pa.DataType:
    """The type to read a column as: the first rows of a number may be integers, or missing, and later ones not."""
    if not number:
        return pa.string()
    plain = pa.types.is_integer(field.type) or pa.types.is_null(field.type)
    return pa.float64() if plain else field.type


def _with_gaps(table: pa.Table) -> pa.Table:
    """A CSV file's table with nulls in place of the texts that mean a missing value."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            gone = pc.is_in(table[place], value_set=pa.array(MISSING))
            table = table.set_column(place, field.name, pc.if_else(gone, pa.scalar(None, pa.string()), table[place]))
    return table


def _with_numbers(table: pa.Table, types: Mapping[str, pa.DataType], decimal: str, path: Path) -> pa.Table:
    """The table with some columns of text as what they are read as; DataError as `_numbers_expected`."""
    for name, kind in types.items():
        place = table.schema.get_field_index(name)
        texts = pc.utf8_trim_whitespace(table[place])
        if decimal != "." and pa.types.is_floating(kind):
            # As Arrow does where it reads numbers: a point may be between thousands.
            if len(points := texts.filter(pc.match_substring(texts, "."))):
                raise _no_number(name, path, repr(points[0].as_py()))
            texts = pc.replace_substring(texts, decimal, ".")
        try:
            values = pc.cast(texts, kind)
        except pa.ArrowInvalid as error:
            found = _NO_VALUE.search(str(error))
            value = repr((found[1] or found[2]).strip("'")) if found else "text"
            raise _no_number(name, path, value) from error
        table = table.set_column(place, name, values)
    return table


def _no_number(name: str, path: Path, found: str) -> DataError:
    return DataError(
        f"column {name!r} of {path} must hold numbers, as in the training rows; found {found}. Turn it into numbers, "
        "and leave missing values empty."
    )


@contextlib.contextmanager
def _numbers_expected(path: Path, names: Sequence[str]) -> Iterator[None]:
    """Name the column and the value if later rows are not numbers, as the first ones were."""
    try:
        yield
    except pa.ArrowInvalid as error:
        if (found := _NO_NUMBER.search(str(error))) is None:
            raise
        raise _no_number(names[int(found[1])], path, found[2]) from error
