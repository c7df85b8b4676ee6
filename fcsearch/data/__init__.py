"""Datasets: named, from openml.org, from files, from memory; split, scaled and ready to train on."""

from typing import TYPE_CHECKING

from fcsearch.first_use import on_first_use

if TYPE_CHECKING:
    from fcsearch.data.dataset import Dataset, Split
    from fcsearch.data.loading import dataset_in_memory, load_dataset
    from fcsearch.data.spec import DATASET_NAMES, DatasetSpec

__all__ = [
    "DATASET_NAMES",
    "Dataset",
    "DatasetSpec",
    "Split",
    "dataset_in_memory",
    "load_dataset",
]

__getattr__ = on_first_use(
    __name__,
    {
        "dataset": ("Dataset", "Split"),
        "loading": ("dataset_in_memory", "load_dataset"),
        "spec": ("DATASET_NAMES", "DatasetSpec"),
    },
)
