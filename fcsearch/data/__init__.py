"""Datasets: named, from openml.org, from files; split, scaled and ready to train on."""

from fcsearch.data.dataset import Dataset, Split
from fcsearch.data.loading import load_dataset
from fcsearch.data.rows import Column
from fcsearch.data.spec import DATASET_NAMES, PREPROCESSINGS, DatasetSpec

__all__ = ["DATASET_NAMES", "PREPROCESSINGS", "Column", "Dataset", "DatasetSpec", "Split", "load_dataset"]
