"""What `auto` stands for, and how many bins there are where nobody says."""

import dataclasses

import numpy as np
import pytest

from fcsearch.data import DatasetSpec, dataset_in_memory, load_dataset
from fcsearch.data.auto_preprocessing import settle_preprocessing
from fcsearch.data.rows import Column, PartSizes, Rows

AUTO = DatasetSpec("table.csv")


def rows(numbers: int, count: int = 1000, **others: object) -> Rows:
    """A table of `numbers` columns and a category."""
    columns = (*(Column(f"x{place}") for place in range(numbers)), Column("city", "category", ("a", "b")))
    made = Rows(
        np.zeros((count, numbers + 1)), np.zeros(count, np.int64), ("no", "yes"), PartSizes(count), columns=columns
    )
    return dataclasses.replace(made, **others)  # type: ignore[arg-type]


@pytest.mark.parametrize(("numbers", "count", "bins"), [(1, 480, 48), (21, 9999, 48), (64, 9999, 16), (2, 160, 16)])
def test_a_table_of_few_numbers_is_cut_into_bins(numbers: int, count: int, bins: int) -> None:
    spec = settle_preprocessing(AUTO, rows(numbers, count))
    assert (spec.preprocessing, spec.bins) == ("piecewise", bins)


@pytest.mark.parametrize(("numbers", "count"), [(0, 9999), (65, 9999), (2, 159)])
def test_elsewhere_numbers_are_standardized(numbers: int, count: int) -> None:
    assert settle_preprocessing(AUTO, rows(numbers, count)) == dataclasses.replace(AUTO, preprocessing="standardize")


def test_numbers_that_share_a_unit_are_standardized() -> None:
    listed = rows(0, columns=tuple(Column(f"v{place}", list_name="v") for place in range(8)), X=np.zeros((1000, 8)))
    pixels = Rows(np.zeros((1000, 16)), np.zeros(1000, np.int64), ("a", "b"), PartSizes(1000), scale=1 / 255)
    for shared in (listed, pixels, dataclasses.replace(pixels, scale=1.0, layout="list")):
        assert settle_preprocessing(AUTO, shared).preprocessing == "standardize"
    assert load_dataset(DatasetSpec("digits")).spec.preprocessing == "standardize"


def test_what_the_user_says_is_kept() -> None:
    quantile = DatasetSpec("table.csv", preprocessing="quantile")
    assert settle_preprocessing(quantile, rows(3)) == quantile
    for bins, settled in ((5, 5), (None, 48)):
        asked = DatasetSpec("table.csv", preprocessing="piecewise", bins=bins)
        assert settle_preprocessing(asked, rows(3)).bins == settled
    assert settle_preprocessing(DatasetSpec("table.csv", preprocessing="piecewise"), rows(3, count=10)).bins == 2


def test_a_loaded_dataset_says_what_was_done() -> None:
    X = np.random.default_rng(0).normal(size=(600, 3))
    dataset = dataset_in_memory(X, np.arange(600) % 2)
    assert (dataset.spec.preprocessing, dataset.spec.bins) == ("piecewise", 48)
    assert dataset.input_dim == 3 * 48
    same = dataset_in_memory(X, np.arange(600) % 2, dataset.spec)
    assert same.fingerprint == dataset.fingerprint


def test_runs_of_before_that_say_no_bins_had_sixteen() -> None:
    before = {**DatasetSpec("table.csv", preprocessing="piecewise").to_json(), "bins": None}
    assert DatasetSpec.from_json(before).bins == 16
