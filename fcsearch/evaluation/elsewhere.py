"""A saved model, measured on other data: the run's own rows in a new place, or other rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fcsearch.data.joint_transform import join_transforms
from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import DataError, UsageError
from fcsearch.evaluation.measurement import Measurement
from fcsearch.evaluation.measuring import measure_members, measure_model
from fcsearch.evaluation.run_dataset import load_run_dataset
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
    found, _ = measure_members(
        run, members, other.rows, "all", transform.class_names, other.fingerprint, target=transform.target
    )
    return found, other


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
            f"{str(error).removesuffix('.')}; or leave {option('split')} out, and every row is measured"
        ) from error
    return measure_model(run, members, dataset, split)
