"""Reading one Parquet or CSV file into an Arrow table."""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import re
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from fcsearch.data.kinds import without_views
from fcsearch.errors import DataError

# pandas writes a table's index into a column of this name.
_INDEX_COLUMN = re.compile(r"__index_level_\d+__")
_OTHER_LENGTH = re.compile(r"Expected \d+ columns, got \d+")
_SEPARATOR_LINE = re.compile(rb'"?sep=[\x20-\x7e\t]"?\s*', re.IGNORECASE)
_DELIMITERS = (",", ";", "\t", "|")
PARQUET = "a whole Parquet file"
CSV = "a CSV file in UTF-8 whose first line names the columns"
# Texts of a CSV file that are missing values.
MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None", "#N/A", "?", "<NA>")


def read_parquet(path: Path) -> pa.Table:
    """Read a Parquet file.

    Raises:
        DataError: it is empty, cut short, damaged or not a Parquet file.
    """
    check_size(path)
    # ParquetFile, not read_table, which takes folders called `a=b` for columns.
    with readable(path, PARQUET), pyarrow.parquet.ParquetFile(path) as file:
        table = file.read()
    return without_views(table.drop_columns([name for name in set(table.column_names) if is_index(name)]))


def is_index(name: str) -> bool:
    """Whether a Parquet column of this name is a table's index, which pandas wrote."""
    return _INDEX_COLUMN.fullmatch(name) is not None


def read_csv(path: Path, texts: Collection[str] = (), decimal: str = ".") -> pa.Table:
    """Read a CSV file in UTF-8 whose first line names the columns; the delimiter is found from that line.

    Args:
        path: The file.
        texts: Columns that stay text, whatever they look like.
        decimal: The sign before fractions.

    Raises:
        DataError: it is empty, not UTF-8, or its lines differ in length.
    """
    check_text(path)
    with readable(path, CSV):
        table = pyarrow.csv.read_csv(
            path,
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter_of(path), newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                null_values=MISSING,
                strings_can_be_null=True,
                column_types=dict.fromkeys(texts, pa.string()),
                decimal_point=decimal,
            ),
        )
        fields = [(field.name, field.type) for field in table.schema]  # names are decoded here
    if other := [name for name, kind in fields if kind == pa.binary()]:
        raise DataError(f"{path} must be {CSV}; found other bytes in column {other[0]!r}. Save the file as UTF-8.")
    _check_names(table, path)
    return table.select(range(width_of(table.schema)))


def width_of(schema: pa.Schema) -> int:
    """How many columns a CSV file has, those without name and value left out that delimiters at ends of lines make."""
    width = len(schema)
    while width > 1 and not schema.field(width - 1).name and pa.types.is_null(schema.field(width - 1).type):
        width -= 1
    return width


def _check_names(table: pa.Table, path: Path) -> None:
    """Refuse a table that has its first line once more: every column would be text."""
    if not all(pa.types.is_string(field.type) for field in table.schema):
        return
    again = None
    for name, values in zip(table.column_names, table.columns, strict=True):
        same = pc.equal(values, name)
        again = same if again is None else pc.and_(again, same)
    row = pc.index(again, True).as_py() if again is not None else -1
    if row >= 0:
        raise DataError(
            f"{path} must name its columns in the first line alone; found these names again in row {row + 1:,} below "
            "it, as where files were joined. Remove that line."
        )


def delimiter_of(path: Path) -> str:
    """The delimiter of a CSV file, found from its first line."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        header = re.sub(rb'"[^"]*"', b"", file.readline(1 << 20))
    return max(_DELIMITERS, key=lambda char: header.count(char.encode()))


@contextlib.contextmanager
def readable(path: Path, what: str) -> Iterator[None]:
    """Turn errors in reading a file into a DataError that says what the file must be."""
    try:
        yield
    except (pa.ArrowException, OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:300]
        if _OTHER_LENGTH.search(reason) and (line := _ragged_line(path)):
            reason = f"in line {line:,}: {reason}"
        raise DataError(f"{path} must be {what}; reading it failed: {reason}. {_remedy(error)}") from error


def _ragged_line(path: Path) -> int | None:
    """The number, from 1, of the line that ends the first row with more or fewer values than there are columns."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter_of(path))
        try:
            count = len(next(reader))
            return next((reader.line_num for row in reader if row and len(row) != count), None)
        except (csv.Error, UnicodeDecodeError, StopIteration):
            return None


def _remedy(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "Save the file as UTF-8."
    if _OTHER_LENGTH.search(str(error)):
        return "Give that line as many values as there are columns; put values that hold the delimiter in quotes."
    return "Write or copy the file again."


def check_text(path: Path) -> None:
    """Refuse an empty file, UTF-16, which spreadsheets write as `Unicode text`, and a first line that is for them."""
    check_size(path)
    with path.open("rb") as file:
        start = file.readline(100).removeprefix(codecs.BOM_UTF8)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{path} must be {CSV}; found UTF-16. Save the file as UTF-8.")
    if _SEPARATOR_LINE.fullmatch(start):
        raise DataError(f"{path} must be {CSV}; found {start.decode().strip()!r}. Remove that line.")


def check_size(path: Path) -> None:
    """Refuse an empty file."""
    if path.stat().st_size == 0:
        raise DataError(f"{path} must hold a table; found an empty file.")
