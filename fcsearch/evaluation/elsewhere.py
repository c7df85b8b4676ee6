"""A saved model, measured on other data: the run's own rows in a new place, or other rows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fcsearch.data import load_dataset
from fcsearch.data.copies import row_keys
from fcsearch.data.joint_transform import join_transforms
from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import DataError, RunError, UsageError
from fcsearch.evaluation.measurement import Measurement
from fcsearch.evaluation.measuring import measure_members, measure_model, rows_of
from fcsearch.evaluation.run_dataset import MakeDataset, load_run_dataset
from fcsearch.results import RunDirectory
from fcsearch.results.transforms import transform_of
from fcsearch.selection import Member, forms_of
from fcsearch.wording import option

if TYPE_CHECKING:
    from fcsearch.data.others import OtherRows


def model_transform(run: RunDirectory, members: Sequence[Member]) -> FeatureTransform:
    """The transform that makes a model's features, as `rows_of` orders them.

    It is in the models' files, else in the run; a run of an older fcsearch has neither, and its own dataset is loaded.

    Raises:
        DataError: it cannot be found, or is damaged.
    """
    of_form = {member.form: member for member in reversed(members)}
    return join_transforms([_saved_transform(run, of_form[form]) for form in forms_of(members)])


def _saved_transform(run: RunDirectory, member: Member) -> FeatureTransform:
    found = transform_of(run, member.path)
    if found is not None:
        return found
    try:
        return load_run_dataset(run).transform
    except DataError as error:
        raise DataError(
            f"{run.path} must hold transform.json, which says how features are made; an older fcsearch made the run "
            f"without it, and the dataset that it can be fitted on again is not there: {error}"
        ) from error


def measure_other(
    run: RunDirectory, members: Sequence[Member], source: str, *, label: str | None = None, data_dir: str | None = None
) -> tuple[Measurement, OtherRows]:
    """Measure a model on every row of a source, by the transform of its training.

    Args:
        run: The run directory.
        members: The networks of the model, and their weights.
        source: A name or a path.
        label: Column of the classes or targets, if its name differs from that in training.
        data_dir: Folder with the files of a named dataset.

    Raises:
        DataError: a source that cannot be read, missing columns, or classes that the model does not know.
    """
    from fcsearch.data.others import read_other
    from fcsearch.data.sources.finding import find_source
    from fcsearch.data.spec import DatasetSpec

    transform = model_transform(run, members)
    spec = DatasetSpec(source, data_dir=data_dir)
    if label is not None and find_source(spec).kind in ("named", "images"):
        raise UsageError(
            f"{option('label')} belongs to tables and arrays; the labels of {source} have no name. Leave it out."
        )
    spec = dataclasses.replace(spec, label=label)
    # Only of arrays the transform does not know it.
    array_label = run.dataset_spec().label if transform.label is None else None
    return _measured(run, members, read_other(spec, transform, array_label=array_label), transform)


def measure_in_memory(
    run: RunDirectory, members: Sequence[Member], X: Any, y: Any = None, *, label: str | None = None
) -> tuple[Measurement, OtherRows]:
    """Measure a model on every row of a table or an array; the rest as `measure_other`.

    Args:
        run: The run directory.
        members: The networks of the model, and their weights.
        X: A table, or an array (N, ...) of numbers.
        y: (N,) labels; None: a column of the table holds them.
        label: That column, if its name differs from that in training.
    """
    from fcsearch.data.others import other_in_memory

    transform = model_transform(run, members)
    return _measured(run, members, other_in_memory(X, y, transform, label), transform)


def _measured(
    run: RunDirectory, members: Sequence[Member], other: OtherRows, transform: FeatureTransform
) -> tuple[Measurement, OtherRows]:
    found = measure_members(
        run, members, other.rows, "all", transform.class_names, other.fingerprint, target=transform.target
    )
    return found, other


def count_own_rows(
    run: RunDirectory, members: Sequence[Member], other: OtherRows, *, make: MakeDataset = load_dataset
) -> int:
    """How many of other rows equal rows that trained the model or chose it, as far as chance does not explain it.

    Rows are equal if all that the network reads of them is, and the label. As many count as the run has of them. In a
    table of few categories new rows are often equal to known ones: how often, the run's test rows say. It is 0 if the
    others are not equal more often, unless all of the run's are among them, and if these cannot be loaded any more.
    Without test rows it is 0 unless all of the run's are among them, and most of these differ from one another.

    Args:
        run: The run directory.
        members: The networks of the model.
        other: The rows, as a measurement returned them.
        make: Makes the run's dataset, as in `load_run_dataset`.
    """
    if run.manifest().dataset is None:
        return 0
    try:
        dataset = load_run_dataset(run, forms=forms_of(members), make=make)
    except (DataError, RunError):
        return 0
    # Of folds, the training and validation rows of the first are those of all.
    seen = np.concatenate([row_keys(rows_of(members, dataset, name)) for name in ("train", "val")])
    keys, counts = np.unique(seen, return_counts=True)
    others, test = row_keys(other.rows), row_keys(rows_of(members, dataset, "test"))
    other_keys, other_counts = np.unique(others, return_counts=True)
    _, places, other_places = np.intersect1d(keys, other_keys, assume_unique=True, return_indices=True)
    own = int(np.minimum(counts[places], other_counts[other_places]).sum())
    if len(test):
        by_chance = _most_by_chance(len(others), np.isin(test, keys))
        known = own == len(seen) or np.isin(others, keys).sum() > by_chance
    else:
        known = own == len(seen) and len(keys) > len(seen) / 2
    return own if known else 0


def _most_by_chance(rows: int, found: npt.NDArray[np.bool_]) -> float:
    """The most of some rows that equal known ones by chance: three standard errors above the expected number.

    Args:
        rows: How many rows.
        found: (M,) of new rows, at least one: which of them equal known ones.
    """
    if not found.any():
        return 0.0
    share = float(found.mean())
    share = min(1.0, share + 2 * math.sqrt(share * (1 - share) / len(found)))
    return rows * share + 3 * math.sqrt(rows * share * (1 - share))


def measure_moved(
    run: RunDirectory, members: Sequence[Member], source: str, split: str, *, data_dir: str | None = None
) -> Measurement:
    """Measure a model on a split of the run's own dataset, which has moved.

    Raises:
        UsageError: the source holds other rows, whose splits mean nothing for this model.
    """
    try:
        dataset = load_run_dataset(run, source=source, data_dir=data_dir, forms=forms_of(members))
    except DataError as error:
        raise UsageError(
            f"{option('split')} with {option('dataset')} needs the run's own rows, as only they have its splits; "
            f"{error}; or leave {option('split')} out, and every row is measured"
        ) from error
    return measure_model(run, members, dataset, split)
