"""Datasets: named, from openml.org, from files, from memory; split, scaled and ready to train on."""

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
