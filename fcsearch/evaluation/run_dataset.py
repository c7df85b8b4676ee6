"""The dataset that a run was made on, loaded again."""

from __future__ import annotations

from typing import Any

from fcsearch.data import load_dataset
from fcsearch.data.dataset import Dataset
from fcsearch.data.spec import DatasetSpec
from fcsearch.errors import DataError, RunError
from fcsearch.results import RunDirectory


def load_run_dataset(run: RunDirectory, *, source: str | None = None, data_dir: str | None = None) -> Dataset:
    """Load the dataset that the run was made on.

    Args:
        run: The run directory.
        source: Where the dataset lies now, if not where the run found it: a name or a path.
        data_dir: Folder with the files of a named dataset, if not the run's.

    Raises:
        DataError: the dataset is gone, or its content, split or preprocessing is not the run's.
        RunError: the manifest does not say which it is.
    """
    described = _described(run)
    spec = run_spec(run).moved(source=source, data_dir=data_dir)
    dataset = load_dataset(spec)
    if dataset.fingerprint != described.get("fingerprint"):
        raise DataError(
            f"the dataset {dataset.name} must be the one that the run was made on; found fingerprint "
            f"{dataset.fingerprint}, the run has {described.get('fingerprint')}; put the original data back"
        )
    return dataset


def run_spec(run: RunDirectory) -> DatasetSpec:
    """Which dataset the run was made on; RunError if the manifest does not say."""
    return DatasetSpec.from_json(_described(run)["spec"])


def _described(run: RunDirectory) -> dict[str, Any]:
    described = run.manifest().get("dataset")
    if not isinstance(described, dict) or not isinstance(described.get("spec"), dict):
        raise RunError(f"{run.path / 'run.json'} must name the run's dataset; found none; put back a copy of it")
    return described
