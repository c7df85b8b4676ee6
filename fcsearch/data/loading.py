"""From a spec to a dataset: read, split, scale, fingerprint."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcsearch.config import OWN_FORM, InputForm
from fcsearch.data.dataset import Dataset, Split
from fcsearch.data.rows import Indices, Rows
from fcsearch.data.spec import MEMORY, DatasetSpec
from fcsearch.data.weights import training_weights

if TYPE_CHECKING:
    from fcsearch.data.splits import SplitRows
    from fcsearch.data.transform import FeatureTransform


def load_dataset(spec: DatasetSpec, forms: Iterable[InputForm] = ()) -> Dataset:
    """Read a dataset, split it and scale its features.

    Args:
        spec: What to read. Named datasets that are not on this machine yet are downloaded once, verified and kept.
        forms: The other forms of the rows to make, besides that of the spec.

    Returns:
        Training, validation and test rows as float32, scaled by the training rows.

    Raises:
        DataError: data that cannot be found, read or trained on; the message says what to do.
    """
    return _prepare(read_rows(spec), spec, forms)


def dataset_in_memory(
    X: Any,
    y: Any = None,
    spec: DatasetSpec | None = None,
    *,
    row_weights: Any = None,
    forms: Iterable[InputForm] = (),
) -> Dataset:
    """Split rows in memory, and scale their features, as `load_dataset` does with those of a file.

    Args:
        X: A table (pandas, polars, pyarrow, or anything with `__arrow_c_stream__`), or an array (N, ...) of numbers.
        y: (N,) classes; None if a column of the table holds them.
        spec: Options of the split and so on; its source is `memory:`.
        row_weights: (N,) numbers of at least 0, how much each row counts in training; None: as `spec` says.
        forms: As `load_dataset`.

    Raises:
        DataError: as `load_dataset`.
    """
    from fcsearch.data.sources.in_memory import read_memory

    spec = spec or DatasetSpec(MEMORY)
    return _prepare(read_memory(X, y, spec, row_weights), spec, forms)


def _prepare(rows: Rows, spec: DatasetSpec, forms: Iterable[InputForm]) -> Dataset:
    # pyarrow takes a good part of a second to import, which `DatasetSpec` alone must not cost.
    from fcsearch.data.auto_folds import settle_folds
    from fcsearch.data.auto_preprocessing import settle_preprocessing
    from fcsearch.data.copies import count_copies, without_copies
    from fcsearch.data.fingerprint import fingerprint
    from fcsearch.data.splits import split_rows

    rows, dropped = without_copies(rows) if spec.copies == "drop" else (rows, {})
    spec = settle_folds(settle_preprocessing(spec, rows), rows)
    key = rows.split_key
    split = split_rows(rows.y, rows.sizes, spec, rows.class_names, key)
    details = {
        **({} if rows.label is None else {"label": rows.label}),
        **rows.details,
        "given_splits": [name for name in ("train", "val", "test") if name != "train" and getattr(rows.sizes, name)],
        "ignored_columns": list(rows.ignored),
        "copies": dropped if spec.copies == "drop" else count_copies(rows, split),
        "classes_in_training_only": [rows.class_names[label] for label in split.training_only if rows.class_names],
    }
    transform, (train, val, test) = _scaled(rows, spec, split.train, split.val, split.test)
    dataset = Dataset(
        spec=spec,
        name=_short_name(spec),
        train=train,
        val=val,
        test=test,
        class_names=rows.class_names,
        transform=transform,
        fingerprint=fingerprint(rows, split, spec),
        image_shape=rows.image_shape,
        columns=rows.facts,
        split=None if key is None else key.facts({"train": split.train, "val": split.val, "test": split.test}),
        details=details,
    )
    dataset = _with_folds(dataset, rows, split)
    # For its errors.
    for fold in dataset.folds:
        training_weights(fold.train.y, fold.train.row_weights, spec.class_weight, rows.class_names)
    made = [dataset]
    for form in dict.fromkeys(forms):
        if form != OWN_FORM:
            made.append(_in_form(form, made, rows, split))
    return dataclasses.replace(dataset, forms=tuple(made[1:]))


def _with_folds(dataset: Dataset, rows: Rows, split: SplitRows) -> Dataset:
    """The dataset with its other folds, in its own form."""
    # Test rows are for the one model that is kept, whose features are those of the first fold.
    no_rows = split.test[:0]
    scaled = (_scaled(rows, dataset.spec, fold.train, fold.val, no_rows) for fold in split.others)
    folds = (
        dataclasses.replace(dataset, transform=transform, train=train, val=val, test=test)
        for transform, (train, val, test) in scaled
    )
    return dataclasses.replace(dataset, others=tuple(folds))


def _in_form(form: InputForm, made: Sequence[Dataset], rows: Rows, split: SplitRows) -> Dataset:
    """The dataset in another form; where that is one already made by another name, with the same arrays."""
    from fcsearch.data.auto_preprocessing import spec_of_form

    dataset = made[0]
    spec = spec_of_form(form, dataset.spec, rows)
    for same in made:
        if spec == same.spec:
            others = tuple(dataclasses.replace(fold, form=form) for fold in same.others)
            return dataclasses.replace(same, form=form, others=others)
    transform, parts = _scaled(rows, spec, split.train, split.val, split.test)
    train, val, test = parts
    found = dataclasses.replace(
        dataset, spec=spec, form=form, transform=transform, train=train, val=val, test=test, others=()
    )
    return _with_folds(found, rows, split)


def _scaled(rows: Rows, spec: DatasetSpec, *parts: Indices) -> tuple[FeatureTransform, list[Split]]:
    """The transform fitted on the first of some parts of the rows, and the features and labels of each part."""
    from fcsearch.data.preprocessing import fit_transform, raw_matrix

    transform = fit_transform(rows, parts[0], spec.preprocessing, spec.bins)
    raw, weights = raw_matrix(rows, transform), rows.row_weights
    splits = [
        Split(transform.apply(raw, part), rows.y[part], None if weights is None else weights[part]) for part in parts
    ]
    return transform, splits


def read_rows(spec: DatasetSpec) -> Rows:
    """Read every row of a source, with its label.

    Raises:
        DataError: they cannot be found, read, or learned from.
    """
    from fcsearch.data.sources.finding import find_source
    from fcsearch.data.sources.paths import find_parts

    match find_source(spec).kind:
        case "openml":
            from fcsearch.data.sources.openml import read_openml

            return read_openml(spec)
        case "named":
            from fcsearch.data.sources.named import read_named

            return read_named(spec)
        case "images":
            from fcsearch.data.sources.image_folders import read_image_folder

            return read_image_folder(spec)
        case "arrays":
            from fcsearch.data.sources.npz import read_npz

            return read_npz(find_parts(spec), spec)
        case "tables":
            from fcsearch.data.sources.table_files import read_tables

            return read_tables(find_parts(spec), spec)


def _short_name(spec: DatasetSpec) -> str:
    if spec.is_named or spec.is_memory:
        return spec.source.removesuffix(":")
    path = Path(spec.source)
    name = path.name.split(".")[0] if path.is_file() else path.name
    return name or str(path)
