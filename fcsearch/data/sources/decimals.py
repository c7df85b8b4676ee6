"""Whether a CSV file writes its numbers with points or with commas."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from fcsearch.data.number_texts import has_decimal_commas
from fcsearch.data.sources.formats import CSV, MISSING, check_text, delimiter_of, readable
from fcsearch.data.sources.paths import format_of

Decimal = Literal[".", ","]

# Bytes at a file's beginning that show how it writes numbers.
_BLOCK = 1 << 20


def decimal_of(files: Iterable[Path], default: Decimal | None = None) -> Decimal:
    """The decimal sign of CSV files: that of their first rows, if these have numbers with one sign only.

    Commas are found only where the delimiter is another sign, or where they are the default.

    Args:
        files: Files of tables; those that are not CSV do not count.
        default: The sign where the rows do not say; None: a point.
    """
    commas_known = default == ","
    found = {sign for path in files if format_of(path) == "csv" for sign in _signs(path, commas_known)}
    return found.pop() if len(found) == 1 else default or "."


def _signs(path: Path, commas_known: bool) -> set[Decimal]:
    check_text(path)
    with readable(path, CSV):
        delimiter = delimiter_of(path)
        with (
            pa.input_stream(str(path), compression="gzip" if path.suffix == ".gz" else None) as stream,
            pyarrow.csv.open_csv(
                stream,
                read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK),
                parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                convert_options=pyarrow.csv.ConvertOptions(null_values=MISSING, strings_can_be_null=True),
            ) as reader,
        ):
            try:
                columns = reader.read_next_batch().columns
            except StopIteration:
                return set()
    found: set[Decimal] = set()
    for column in columns:
        if pa.types.is_floating(column.type) and pc.any(pc.not_equal(pc.floor(column), column)).as_py():
            found.add(".")
        elif pa.types.is_string(column.type) and (delimiter != "," or commas_known) and has_decimal_commas(column):
            found.add(",")
    return found
