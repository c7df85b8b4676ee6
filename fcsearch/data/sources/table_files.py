"""Parquet and CSV files: from files to one table, and from its columns to a matrix of features."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.data.columns import features_of
from fcsearch.data.facts import ColumnFacts, Use
from fcsearch.data.kinds import weight_values
from fcsearch.data.label_twins import with_label_twins
from fcsearch.data.labels import class_names_of, classes_by_place, find_label
from fcsearch.data.number_texts import Writing
from fcsearch.data.rows import PartSizes, Rows
from fcsearch.data.sources.decimals import may_have_thousands, training_decimal, writing_of
from fcsearch.data.sources.formats import delimiter_of, read_csv, read_parquet
from fcsearch.data.sources.paths import SPLITS, Parts, format_of
from fcsearch.data.spec import DatasetSpec
from fcsearch.data.split_facts import USES, SplitBy
from fcsearch.data.split_keys import SplitKey, read_split_key, require_split_column
from fcsearch.data.targets import read_labels
from fcsearch.errors import DataError
from fcsearch.text import did_you_mean, first_columns, nearest
from fcsearch.wording import wording

# The second form is pandas' name for a column without a name.
_NO_NAME = re.compile(r"|Unnamed: \d+")

Located = list[tuple[Path, pa.Table]]


def read_tables(parts: Parts, spec: DatasetSpec) -> Rows:
    """Read Parquet and CSV files into features and classes.

    Args:
        parts: Files of each split.
        spec: `label`, and how columns are used.

    Raises:
        DataError: a file that cannot be read, files that do not fit together, labels or columns that cannot be used.
    """
    used = (spec.group, spec.time, spec.weights)
    decimal, unclear = training_decimal([path for paths in parts.values() for path in paths], spec)
    loaded = {part: [(path, read_table(path, decimal=decimal)) for path in parts.get(part, [])] for part in SPLITS}
    left_out: dict[str, None] = {}
    for part, items in loaded.items():
        indices = [[name for name in index_columns(table) if name not in used] for _, table in items]
        left_out.update(dict.fromkeys(name for names in indices for name in names))
        loaded[part] = [(path, table.drop_columns(names)) for (path, table), names in zip(items, indices, strict=True)]
    files = [item for part in SPLITS for item in loaded[part]]
    source = str(files[0][0])
    label = find_label(files[0][1].schema, spec.label, source)
    table = join_tables(files, label)
    texts = [path for path, _ in files if format_of(path) == "csv"]
    rows = rows_of_table(
        table,
        PartSizes(*(sum(table.num_rows for _, table in loaded[part]) for part in SPLITS)),
        spec,
        label=label,
        locate=locator(files),
        source=source if len(files) == 1 else f"{source} (and {len(files) - 1} more)",
        left_out=tuple(left_out),
        decimal=writing_of(table, decimal, spec.drop) if texts else None,
    )
    facts = _with_points(rows.facts, table, unclear) if decimal == "." else _with_commas(rows.facts, table)
    delimiter = delimiter_of(texts[0]) if texts else rows.delimiter
    return dataclasses.replace(
        rows, decimal=decimal, decimal_given=spec.decimal is not None, delimiter=delimiter, facts=facts
    )


def _with_commas(facts: Sequence[ColumnFacts], table: pa.Table) -> tuple[ColumnFacts, ...]:
    """The facts, which say where numbers had decimal commas."""
    commas = {field.name for field in table.schema if pa.types.is_floating(field.type)}
    return tuple(
        dataclasses.replace(item, kind=f"{item.kind}, decimal comma") if item.name in commas else item for item in facts
    )


def _with_points(facts: Sequence[ColumnFacts], table: pa.Table, unclear: Collection[str]) -> tuple[ColumnFacts, ...]:
    """The facts, which say where points that were read as decimal points may be between thousands."""
    way = wording().dataset_option("decimal", ".")
    why = f"its points may be between thousands, as in 1.234: if so, write them without; if not, say so: {way}"
    return tuple(
        dataclasses.replace(item, why=why)
        if item.name in unclear and not item.why and may_have_thousands(table[item.name])
        else item
        for item in facts
    )


def index_columns(table: pa.Table) -> list[str]:
    """The leading columns that have no name and only number the rows: the index that pandas' `to_csv` writes."""
    names: list[str] = []
    for name in table.column_names:
        values = table[name]
        numbered = pa.types.is_integer(values.type) and pc.count_distinct(values, mode="all").as_py() == len(values)
        if not _NO_NAME.fullmatch(name) or not numbered or len(names) + 1 == table.num_columns:
            return names
        names.append(name)
    return names


def rows_of_table(
    table: pa.Table,
    sizes: PartSizes,
    spec: DatasetSpec,
    *,
    label: str,
    locate: Callable[[int], str],
    source: str,
    label_place: str | None = None,
    decimal: Writing | None = None,
    left_out: Sequence[str] = (),
    details: dict[str, Any] | None = None,
) -> Rows:
    """Turn a table into features and classes.

    Args:
        table: All rows, training rows first.
        sizes: Rows in each given split.
        spec: What is learned, and how columns are used.
        label: The column of the classes or targets.
        locate: Names the place of a row, for messages.
        source: Names the table, for messages.
        label_place: Names the label, for messages; None: it is that column.
        decimal: How the numbers of its files were read, if they are text.
        left_out: Columns that were already left out because they only number the rows.
        details: What the manifest should say about the source.

    Raises:
        DataError: labels or columns that cannot be used; all of them are named.
    """
    class_names = class_names_of(table.schema, label)
    problems: dict[str, str] = {}
    try:
        place = label_place or f"column {label!r} of {source}"
        y, names = read_labels(table[label], class_names, spec.task, place, decimal)
    except DataError as error:
        problems[label] = str(error)
    key = _split_key(table, spec.split_by, label, locate, source, problems)
    row_weights = _row_weights(table, spec.weights, label, source, problems)
    apart: dict[str, tuple[Use, str]] = {label: ("label", "")}
    if spec.split_by is not None:
        by, column = spec.split_by
        apart[column] = (by, USES[by])
    if spec.weights is not None:
        apart[spec.weights] = ("weights", "how much rows count")
    features = features_of(
        table, label, spec, locate, source, apart=apart, left_out=left_out, problems=problems, decimal=decimal
    )
    known = with_label_twins(features.facts, table, y, len(names))
    facts = (dataclasses.replace(item, categories=names) if item.use == "label" else item for item in known)
    return Rows(
        **{**vars(features), "facts": tuple(facts)},
        y=y,
        row_weights=row_weights,
        class_names=names,
        sizes=sizes,
        label=label,
        classes_by_place=classes_by_place(table[label].type, class_names),
        split_key=key,
        details=details or {},
    )


def _split_key(
    table: pa.Table,
    split_by: tuple[SplitBy, str] | None,
    label: str,
    locate: Callable[[int], str],
    source: str,
    problems: dict[str, str],
) -> SplitKey | None:
    """The column that rows are split by; errors in its values go into `problems`."""
    if split_by is None:
        return None
    by, column = split_by
    require_split_column(table.column_names, by, column, label, source)
    try:
        return read_split_key(table[column], by, column, locate, source)
    except DataError as error:
        problems[column] = str(error)
        return None


def _row_weights(
    table: pa.Table, name: str | None, label: str, source: str, problems: dict[str, str]
) -> npt.NDArray[np.float64] | None:
    """The column of weights; errors in its values go into `problems`."""
    if name is None:
        return None
    if name not in table.column_names or name == label:
        names = [column for column in table.column_names if column != label]
        hint = did_you_mean(nearest(name, names), sentence=True)
        raise DataError(
            f"dataset option weights must name a column of {source} that is not the label; found {name!r}, and the "
            f"columns {first_columns(names, 40)}.{hint}"
        )
    try:
        return weight_values(table[name], f"column {name!r} of {source}")
    except DataError as error:
        problems[name] = str(error)
        return None


def join_tables(files: Located, label: str) -> pa.Table:
    """Concatenate tables with the same columns, in the order of the first one's columns."""
    first_path, first = files[0]
    columns = first.column_names
    for path, table in files:
        found = {*columns} ^ {*table.column_names}
        if found:
            missing = sorted(found & {*columns})
            what = f"{path} lacks {missing[0]!r}" if missing else f"{path} has {min(found)!r} besides"
            raise DataError(
                f"all files of a dataset, including the test split, must have the same columns, including the label "
                f"{label!r}; {what} (compared with {first_path}). Make the columns equal, or leave that file out."
            )
    try:
        joined = pa.concat_tables([table.select(columns) for _, table in files], promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(
            f"a column must have one type in all files of a dataset; found between {first_path} and the others: "
            f"{error}. Make the types equal."
        ) from error
    return joined.replace_schema_metadata(first.schema.metadata)


def locator(files: Located) -> Callable[[int], str]:
    """A function that names the file, and the row in it (from 0), of a row of the joined table."""
    lengths = [(path, table.num_rows) for path, table in files]

    def locate(row: int) -> str:
        for path, length in lengths:
            if row < length:
                return f"row {row} of {path}"
            row -= length
        raise IndexError(row)

    return locate


def check_columns(table: pa.Table, source: str) -> None:
    """Refuse a table without rows, or with two columns of the same name."""
    check_names(table.column_names, source)
    if table.num_rows == 0:
        raise no_rows(table.column_names, source)


def check_names(names: Sequence[str], source: str) -> None:
    """Refuse two columns of the same name."""
    if repeated := [name for name in names if names.count(name) > 1]:
        raise DataError(
            f"{source} must name each column once; found {repeated[0]!r} more than once. Rename one of them."
        )


def no_rows(names: Sequence[str], source: str) -> DataError:
    """The error for a table without rows."""
    return DataError(f"{source} must have rows; found none below its {len(names)} column names.")


def read_table(path: Path, texts: Collection[str] = (), *, decimal: str = ".") -> pa.Table:
    """Read a Parquet or CSV file; a CSV file's columns in `texts` stay text, whatever they look like."""
    table = read_parquet(path) if format_of(path) == "parquet" else read_csv(path, texts, decimal)
    check_columns(table, str(path))
    return table
