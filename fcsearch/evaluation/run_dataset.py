"""The dataset that a run was made on, loaded again."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fcsearch.config import InputForm
from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.data.dataset import Dataset
from fcsearch.errors import DataError
from fcsearch.results import RunDirectory

MakeDataset = Callable[[DatasetSpec, Iterable[InputForm]], Dataset]


def load_run_dataset(
    run: RunDirectory,
    *,
    source: str | None = None,
    data_dir: str | None = None,
    forms: Iterable[InputForm] | None = None,
    make: MakeDataset = load_dataset,
) -> Dataset:
    """Load the dataset that the run was made on.

    Args:
        run: The run directory.
        source: Where the dataset is now, if it has moved: a name or a path.
        data_dir: Folder with the files of a named dataset, if not the run's.
        forms: In which forms, beside its own; None: in those that trials with a row learned.
        make: Makes it, in these forms; by default from its files.

    Raises:
        DataError: the dataset is gone, or its content, split or preprocessing is not the run's.
        RunError: the manifest does not say which it is.
    """
    spec = run.dataset_spec().moved(source=source, data_dir=data_dir)
    if forms is None:
        forms = map(InputForm.of, run.trials().select(["preprocessing", "bins"]).to_pylist())
    dataset = make(spec, forms)
    described = run.manifest().dataset
    if described is None or dataset.fingerprint != described.fingerprint:
        raise DataError(
            f"the dataset {dataset.name} must be the one that the run was made on; found fingerprint "
            f"{dataset.fingerprint}, the run has {described and described.fingerprint}; restore the original data"
        )
    return dataset
