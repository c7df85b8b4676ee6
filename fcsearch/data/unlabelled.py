"""Rows without a label as features for a network, part by part and in their order."""

from __future__ import annotations

import dataclasses
import glob
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fcsearch.data.matching import (
    Unseen,
    columns_read,
    match_array,
    match_images,
    match_table,
    text_inputs,
    with_empty_texts,
)
from fcsearch.data.sources.decimals import later_decimal
from fcsearch.data.sources.finding import find_source
from fcsearch.data.sources.named import read_named
from fcsearch.data.sources.npz import npz_features
from fcsearch.data.sources.openml import openml_table
from fcsearch.data.sources.paths import format_of
from fcsearch.data.sources.streams import BLOCK, file_schema, stream_file
from fcsearch.data.sources.table_files import check_names, no_rows
from fcsearch.data.spec import DatasetSpec
from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import DataError
from fcsearch.text import did_you_mean, first_columns, nearest
from fcsearch.wording import option

# The most features in a part; and the most rows, if they have few features.
_PART_VALUES = 1 << 24
PART_ROWS = 1 << 16


@dataclasses.dataclass(frozen=True)
class Part:
    """Some rows of a source.

    Attributes:
        X: (n, D) float32 features.
        kept: (n rows) Columns of the source to copy to the output; none in a source without column names.
        unseen: Categories that the training rows do not have, counted by column.
        ignored: Columns that are neither read nor kept.
        share: How much of the source has been read, from 0 to 1.
    """

    X: npt.NDArray[np.float32]
    kept: pa.Table
    unseen: Unseen
    ignored: tuple[str, ...]
    share: float


def read_parts(
    spec: DatasetSpec,
    transform: FeatureTransform,
    keep: Sequence[str] = (),
    *,
    most_rows: int = PART_ROWS,
    block: int = BLOCK,
) -> Iterator[Part]:
    """Read every row of a source, whatever its split, and apply a transform that was fitted on other rows.

    Args:
        spec: The source; its label, if any, is ignored.
        transform: Columns are matched by name.
        keep: Columns to copy to the output. A text with commas names several, unless a column has that name.
        most_rows: The most rows in a part; fewer if they have many features.
        block: Bytes of a CSV file that are read at a time.

    Raises:
        DataError: a source that cannot be found or read, or has no rows, or missing columns.
    """
    rows = max(1, min(most_rows, _PART_VALUES // transform.width))
    source = find_source(spec)
    match source.kind:
        case "openml":
            table, _, _ = openml_table(dataclasses.replace(spec, label=transform.label))
            yield from _of_table(table, transform, keep, spec.source, rows)
        case "named":
            named = read_named(spec)
            X = named.X if named.image_shape is None else named.X.reshape(-1, *named.image_shape)
            yield from _of_array(X, transform, keep, spec.source, rows)
        case "images":
            yield from _of_images(source.files, transform, keep, spec.source, rows)
        case "arrays":
            yield from _of_array(npz_features(source.files), transform, keep, spec.source, rows)
        case "tables":
            yield from _of_files(source.files, spec, transform, keep, rows, block)


def _of_array(
    X: npt.NDArray[Any], transform: FeatureTransform, keep: Sequence[str], source: str, rows: int
) -> Iterator[Part]:
    if keep:
        raise DataError(f"{source} has no named columns to keep; found {option('keep', *keep)}. Leave it out.")
    for start in range(0, len(X), rows):
        block = match_array(transform, X[start : start + rows], source)
        yield Part(block, pa.table({}), {}, (), min(1.0, (start + rows) / len(X)))


def _of_images(
    files: Sequence[Path], transform: FeatureTransform, keep: Sequence[str], source: str, rows: int
) -> Iterator[Part]:
    """Parts whose kept column is the file's name."""
    if other := [name for name in keep if name != "file"]:
        raise DataError(f"{source} has no column but file to keep; found {option('keep', *other)}. Leave it out.")
    for start in range(0, len(files), rows):
        some = files[start : start + rows]
        block = match_images(transform, some, source)
        yield Part(block, _file_names(some, source), {}, (), min(1.0, (start + rows) / len(files)))


def _file_names(files: Sequence[Path], source: str) -> pa.Table:
    """The files' names as a column `file`, within the folder that was named, or that holds the file, or all of a glob.

    So an image has the name that it has in its own folder if it is predicted alone, and with a glob over several
    folders, or from one above, the path from there.
    """
    path = Path(source).expanduser()
    fixed = itertools.takewhile(lambda part: path.exists() or not glob.has_magic(part), path.parts)
    place = Path(*fixed)
    folder = place if place.is_dir() else place.parent
    return pa.table({"file": [file.relative_to(folder).as_posix() for file in files]})


def _of_table(
    table: pa.Table, transform: FeatureTransform, keep: Sequence[str], source: str, rows: int
) -> Iterator[Part]:
    kept = _kept_names(keep, table.column_names, source)
    for start in range(0, table.num_rows, rows):
        some = table.slice(start, rows)
        share = min(1.0, (start + rows) / table.num_rows)
        yield _part(some, some.select(kept), transform, table.column_names, source, first=start, share=share)


def _of_files(
    files: Sequence[Path], spec: DatasetSpec, transform: FeatureTransform, keep: Sequence[str], rows: int, block: int
) -> Iterator[Part]:
    sizes = [path.stat().st_size for path in files]
    texts = text_inputs(transform)
    for place, path in enumerate(files):
        decimal = later_decimal(path, spec, transform)
        schema, source, first = file_schema(path, decimal=decimal, block=block), str(path), 0
        check_names(schema.names, source)
        read, kept = columns_read(transform, schema, source), _kept_names(keep, schema.names, source)
        for part in stream_file(
            path, schema, read=read, texts=texts, keep=kept, rows=rows, decimal=decimal, block=block
        ):
            share = (sum(sizes[:place]) + part.share * sizes[place]) / sum(sizes)
            rows_read = with_empty_texts(transform, part.table) if format_of(path) == "csv" else part.table
            yield _part(rows_read, part.kept, transform, schema.names, source, first=first, share=share)
            first += part.table.num_rows
        if not first:
            raise no_rows(schema.names, source)


def _part(
    table: pa.Table,
    kept: pa.Table,
    transform: FeatureTransform,
    names: Sequence[str],
    source: str,
    *,
    first: int,
    share: float,
) -> Part:
    found = match_table(transform, table, lambda row: f"row {first + row} of {source}", source)
    read = columns_read(transform, table.schema, source)
    known = {*read, *kept.column_names, transform.label}
    return Part(found.X, kept, found.unseen, tuple(name for name in names if name not in known), share)


def _kept_names(keep: Sequence[str], names: Sequence[str], source: str) -> list[str]:
    wanted = [name for text in keep for name in ([text] if text in names else text.split(","))]
    if unknown := [name for name in wanted if name not in names]:
        hint = did_you_mean(nearest(unknown[0], names), sentence=True)
        raise DataError(
            f"{option('keep')} must name columns of {source}; found {', '.join(map(repr, unknown))}, and the columns "
            f"{first_columns(names)}.{hint}"
        )
    return list(dict.fromkeys(wanted))
