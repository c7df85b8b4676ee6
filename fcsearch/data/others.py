"""Labelled rows of a source other than the training data, as features for a trained network."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fcsearch.data.dataset import Split
from fcsearch.data.fingerprint import add_array
from fcsearch.data.labels import class_names_of, codes_of_labels, find_label
from fcsearch.data.matching import (
    Unseen,
    count_unseen,
    match_array,
    match_images,
    match_table,
    text_columns,
    with_empty_texts,
)
from fcsearch.data.sources.decimals import later_decimal
from fcsearch.data.sources.finding import find_source
from fcsearch.data.sources.image_folders import find_labelled
from fcsearch.data.sources.named import read_named
from fcsearch.data.sources.npz import npz_arrays
from fcsearch.data.sources.openml import openml_table
from fcsearch.data.sources.paths import format_of
from fcsearch.data.sources.table_files import read_table
from fcsearch.data.spec import DatasetSpec
from fcsearch.data.targets import later_targets
from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import DataError
from fcsearch.text import did_you_mean, first_columns, nearest
from fcsearch.wording import option

Piece = tuple[Split, Unseen, tuple[str, ...]]


@dataclasses.dataclass(frozen=True)
class OtherRows:
    """All rows of another source.

    Attributes:
        rows: Features and classes.
        fingerprint: 16 hex digits of a sha256 over both.
        unseen: Categories that the training rows do not have, counted by column.
        ignored: Columns that the network does not read.
    """

    rows: Split
    fingerprint: str
    unseen: Unseen
    ignored: tuple[str, ...]


def read_other(spec: DatasetSpec, transform: FeatureTransform, *, array_label: str | None = None) -> OtherRows:
    """Read every row of a source, whatever its split, and apply a transform that was fitted on other rows.

    Args:
        spec: The source; `label` if its label has another name than in training.
        transform: Columns and classes are matched by name.
        array_label: What the array of the labels was called in training, if not by a common name.

    Raises:
        DataError: a source that cannot be found or read, missing columns, or unknown classes.
    """
    return _together(_pieces(spec, transform, array_label), spec.source)


def other_in_memory(X: Any, y: Any, transform: FeatureTransform, label: str | None = None) -> OtherRows:
    """As `read_other`, of rows in memory.

    Args:
        X: A table (pandas, polars, pyarrow), or an array (N, ...) of numbers.
        y: (N,) labels; None: a column of the table holds them.
        transform: Columns and classes are matched by name.
        label: That column, if it has another name than in training.
    """
    from fcsearch.data.sources.in_memory import TABLE, as_table, is_table, label_values, match_memory

    if is_table(X) and y is None:
        table = as_table(X)
        return _together([_piece(table, _label_in(table.schema, label, transform, TABLE), transform, TABLE)], TABLE)
    if y is None:
        raise DataError("an array X must come with the labels of its rows, y; found none. Give y.")
    found = match_memory(transform, X)
    labels = _labels(label_values(y, len(found.X)), None, transform, "y")
    return _together([(Split(found.X, labels), found.unseen, found.ignored)], "X")


def _together(pieces: Iterable[Piece], source: str) -> OtherRows:
    unseen: Unseen = {}
    ignored: dict[str, None] = {}
    splits = []
    for split, found, extra in pieces:
        splits.append(split)
        count_unseen(unseen, found)
        ignored.update(dict.fromkeys(extra))
    rows = Split(np.concatenate([split.X for split in splits]), np.concatenate([split.y for split in splits]))
    if not len(rows):
        raise DataError(f"{source} must have rows; found none.")
    digest = hashlib.sha256()
    for array in (rows.X, rows.y):
        add_array(digest, array)
    return OtherRows(rows, digest.hexdigest()[:16], unseen, tuple(ignored))


def _pieces(spec: DatasetSpec, transform: FeatureTransform, array_label: str | None) -> Iterator[Piece]:
    source = find_source(spec)
    match source.kind:
        case "openml":
            table, label, _ = openml_table(dataclasses.replace(spec, label=spec.label or transform.label))
            yield _piece(table, label, transform, spec.source)
        case "named":
            rows = read_named(spec)
            X = rows.X if rows.image_shape is None else rows.X.reshape(-1, *rows.image_shape)
            labels = np.asarray(rows.class_names)[rows.y]
            yield _labelled(match_array(transform, X, spec.source), labels, transform, spec.source)
        case "images":
            images = [item for part in find_labelled(spec).values() for item in part]
            features = match_images(transform, [path for path, _ in images], spec.source)
            yield _labelled(features, [name for _, name in images], transform, spec.source)
        case "arrays":
            named = dataclasses.replace(spec, label=spec.label or array_label)
            X, labels, *_ = npz_arrays({"train": list(source.files)}, named)
            yield _labelled(match_array(transform, X, spec.source), labels, transform, spec.source)
        case "tables":
            yield from _tables(source.files, spec, transform)


def _labelled(
    X: npt.NDArray[np.float32], labels: pa.Array | Sequence[str], transform: FeatureTransform, source: str
) -> Piece:
    return Split(X, _labels(pa.array(labels), None, transform, f"the labels of {source}")), {}, ()


def _labels(
    values: pa.Array | pa.ChunkedArray, names: Sequence[str] | None, transform: FeatureTransform, where: str
) -> npt.NDArray[Any]:
    if transform.target is not None:
        return later_targets(values, where)
    return codes_of_labels(values, names, transform.class_names, by_place=transform.classes_by_place, where=where)


def _tables(files: Sequence[Path], spec: DatasetSpec, transform: FeatureTransform) -> Iterator[Piece]:
    known = spec.label or transform.label
    texts, target = text_columns(transform, known), None if transform.target is None else known
    for path in files:
        table = read_table(path, texts, decimal=later_decimal(path, spec, transform, target))
        if format_of(path) == "csv":
            table = with_empty_texts(transform, table)
        yield _piece(table, _label_in(table.schema, spec.label, transform, str(path)), transform, str(path))


def _label_in(schema: pa.Schema, given: str | None, transform: FeatureTransform, where: str) -> str:
    """The label column: the one that the user names, else that of the training rows, else one of a common name."""
    name = transform.label
    if given is not None or name is None or name in schema.names:
        return find_label(schema, given or name, where)
    near = did_you_mean(nearest(name, schema.names), sentence=True)
    rename = "Rename it, or name it" if near else "Name the column that it is called here"
    raise DataError(
        f"{where} must have the label column {name!r} of the training rows; found the columns "
        f"{first_columns(schema.names, 40)}.{near} {rename} with {option('label')}. Rows without labels can be "
        "predicted, but not measured."
    )


def _piece(table: pa.Table, label: str, transform: FeatureTransform, source: str) -> Piece:
    # Labels first: a wrong label column is found before images are decoded.
    y = _labels(table[label], class_names_of(table.schema, label), transform, f"column {label!r} of {source}")
    found = match_table(transform, table, lambda row: f"row {row} of {source}", source)
    return Split(found.X, y), found.unseen, tuple(name for name in found.ignored if name != label)
