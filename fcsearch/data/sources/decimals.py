"""Whether a CSV file writes its numbers with points or with commas."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from fcsearch.data.labels import LABEL_NAMES
from fcsearch.data.number_texts import Decimal, Writing, has_decimal_commas, has_decimal_points
from fcsearch.data.sources.formats import CSV, MISSING, check_text, delimiter_of, readable
from fcsearch.data.sources.paths import format_of
from fcsearch.data.spec import DatasetSpec
from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import DataError
from fcsearch.text import first_few
from fcsearch.wording import wording

# Bytes at a file's beginning that show how it writes numbers.
_BLOCK = 1 << 20
# Columns that a message names.
_MOST_NAMES = 5


class _Signs(NamedTuple):
    """The signs in the first rows of a file.

    Attributes:
        found: Each of them, and the columns where it was found.
        unclear: Columns of numbers whose points may all be between thousands, if no others say what they are.
    """

    found: dict[Decimal, list[str]]
    unclear: tuple[str, ...] = ()


class TrainingDecimal(NamedTuple):
    """The decimal sign of the files to train on.

    Attributes:
        sign: The sign.
        unclear: Columns that are read as numbers with it, though their points may be between thousands.
    """

    sign: Decimal
    unclear: frozenset[str] = frozenset()


def training_decimal(files: Sequence[Path], spec: DatasetSpec) -> TrainingDecimal:
    """The decimal sign of the files to train on: the option's, else that of their first rows, else a point.

    Commas are found only where the delimiter is another sign. Numbers that may have signs between thousands, such as
    12.345, do not count.

    Raises:
        DataError: the files have numbers with either sign.
    """
    if spec.decimal is not None:
        return TrainingDecimal(spec.decimal)
    found: dict[Decimal, dict[str, Path]] = {}
    unclear: set[str] = set()
    for path in files:
        signs = _signs(path, lambda name: name not in spec.drop, commas_known=False)
        for sign, names in signs.found.items():
            for name in names:
                found.setdefault(sign, {}).setdefault(name, path)
        unclear.update(signs.unclear)
    if len(found) == 2:
        raise _two_signs(found, spec, len(files))
    return TrainingDecimal(next(iter(found), "."), frozenset() if found else frozenset(unclear))


def _two_signs(found: Mapping[Decimal, Mapping[str, Path]], spec: DatasetSpec, files: int) -> DataError:
    """The error for columns with either sign: those of the rarer one are to be changed, if there is such."""
    points, commas = found["."], found[","]
    # A column that has either, in two files, shows best which of them to change.
    shared = next((name for name in points if name in commas), None)
    point, comma = (next(iter(of)) if shared is None else shared for of in (points, commas))
    if shared is None and len(points) != len(commas):
        remedy = _rewriting(points, commas, spec)
    elif points[point] != commas[comma]:
        remedy = f"Write {'both' if files == 2 else 'all'} files with one sign."
    else:
        remedy = "Write all numbers with one sign."
    return DataError(
        f"numbers must have one decimal sign; found points in column {point!r} of {points[point]}, and commas in "
        f"column {comma!r} of {commas[comma]}. {remedy}"
    )


def _rewriting(points: Collection[str], commas: Collection[str], spec: DatasetSpec) -> str:
    """What to do with the columns that have the rarer sign."""
    rarer, others, sign = (points, commas, "commas") if len(points) < len(commas) else (commas, points, "points")
    write = f"Write the numbers of {first_few([*map(repr, rarer)], _MOST_NAMES)} with {sign}, as the others"
    labels = [spec.label] if spec.label else [name for name in (*points, *commas) if name.lower() in LABEL_NAMES]
    needed = {*labels, spec.group, spec.time, spec.weights}
    if not needed.isdisjoint(rarer) or needed.issuperset(others):
        return f"{write}."
    them = "it" if len(rarer) == 1 else "them"
    return f"{write}, or leave {them} out: {wording().leaving_out([*spec.drop, *rarer])}"


def writing_of(table: pa.Table, sign: Decimal, drop: Collection[str]) -> Writing:
    """How the numbers of a table, which were read with this sign, are written; columns in `drop` do not count."""
    named = zip(table.column_names, table.columns, strict=True)
    fractions = (_fractions(column) for name, column in named if name not in drop and pa.types.is_floating(column.type))
    has_points = sign == "." and any(len(found) and not _like_thousands(found) for found in fractions)
    return "points" if has_points else sign


def later_decimal(path: Path, spec: DatasetSpec, transform: FeatureTransform, target: str | None = None) -> Decimal:
    """The decimal sign of a later file: an option's, else that of its first rows, else that of the training rows.

    Args:
        path: The file; the sign does not matter if it is not CSV.
        spec: The option of these rows comes before that of the training rows.
        transform: Only the columns that it reads as numbers count.
        target: Another column that is read as numbers, if any.
    """
    if spec.decimal is not None or transform.decimal_given:
        return spec.decimal or transform.decimal
    names = {item.name for item in transform.inputs if item.kind == "number" and item.reading == "number"} | {target}
    found = _signs(path, names.__contains__, commas_known=transform.decimal == ",").found
    return next(iter(found)) if len(found) == 1 else transform.decimal


def _signs(path: Path, read: Callable[[str], bool], *, commas_known: bool) -> _Signs:
    """The signs in the first rows of the columns that are read, and where each of them was found."""
    if format_of(path) != "csv":
        return _Signs({})
    check_text(path)
    with readable(path, CSV):
        other_delimiter = delimiter_of(path) != ","
        commas_count = other_delimiter or commas_known
        points: list[str] = []
        unclear: list[str] = []
        commas: list[str] = []
        for name, column in _first_rows(path):
            if not read(name):
                continue
            if pa.types.is_floating(column.type) and len(fractions := _fractions(column)):
                (unclear if _like_thousands(fractions) else points).append(name)
            elif pa.types.is_string(column.type) and commas_count and has_decimal_commas(column):
                commas.append(name)
        if unclear and not points:
            texts = _first_rows(path, unclear)
            points = [name for name, column in texts if name in unclear and has_decimal_points(column)]
    names: dict[Decimal, list[str]] = {".": points, ",": commas}
    return _Signs(
        {sign: of for sign, of in names.items() if of}, tuple(unclear) if other_delimiter and not points else ()
    )


def _first_rows(path: Path, texts: Collection[str] = ()) -> list[tuple[str, pa.Array]]:
    """The columns of the first rows; those in `texts` as text."""
    with (
        pa.input_stream(str(path), compression="gzip" if path.suffix == ".gz" else None) as stream,
        pyarrow.csv.open_csv(
            stream,
            read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter_of(path), newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                null_values=MISSING, strings_can_be_null=True, column_types=dict.fromkeys(texts, pa.string())
            ),
        ) as reader,
    ):
        try:
            rows = reader.read_next_batch()
        except StopIteration:
            return []
    return list(zip(rows.schema.names, rows.columns, strict=True))


def _fractions(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    """The numbers of a column that are not whole."""
    numbers = column.drop_null().to_numpy()
    return np.asarray(numbers[np.isfinite(numbers) & (numbers != np.floor(numbers))])


def may_have_thousands(column: pa.ChunkedArray) -> bool:
    """Whether all numbers of a column that are not whole may have points between thousands."""
    return _like_thousands(_fractions(column))


def _like_thousands(numbers: npt.NDArray[Any]) -> bool:
    """Whether all numbers may have been written like 12.345, so that the texts decide."""
    sizes = np.abs(numbers)
    return bool(((sizes >= 1) & (sizes < 1000) & (sizes == np.round(sizes, 3))).all())
