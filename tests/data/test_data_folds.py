"""Folds: which rows train and validate in each, and what each makes of its features."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fcsearch.data import Dataset, DatasetSpec, load_dataset
from fcsearch.errors import DataError

ROWS = 600
RANDOM = np.random.RandomState(0)
CUSTOMERS = RANDOM.randint(0, 60, ROWS)
COLUMNS: dict[str, Any] = {
    "row": np.arange(ROWS, dtype=np.float64),
    "customer": [f"c{number}" for number in CUSTOMERS],
    "day": RANDOM.permutation(ROWS) // 4,
    "label": RANDOM.randint(0, 3, ROWS),
}
Write = Callable[..., Path]
Load = Callable[..., Dataset]


def load_plain(load: Load, path: Path, **options: object) -> Dataset:
    """A dataset whose only feature is the number of the row."""
    drop = [name for name in ("customer", "day") if name not in options.values()]
    return load(path, **{"preprocessing": "none", "drop": drop, **options})


def numbers(split: Any) -> np.ndarray:
    return split.X[:, 0].round().astype(int)


def test_every_row_that_is_no_test_row_validates_once_and_trains_otherwise(write_table: Write, load: Load) -> None:
    dataset = load_plain(load, write_table(COLUMNS), folds=5)
    test = numbers(dataset.test)
    rest = np.setdiff1d(np.arange(ROWS), test)
    assert len(dataset.folds) == 5
    assert sorted(np.concatenate([numbers(fold.val) for fold in dataset.folds])) == rest.tolist()
    for fold in dataset.folds:
        assert sorted([*numbers(fold.train), *numbers(fold.val)]) == rest.tolist()
        share = np.bincount(fold.val.y) / len(fold.val)
        assert np.abs(share - np.bincount(COLUMNS["label"]) / ROWS).max() < 0.02
    assert [len(fold.test) for fold in dataset.others] == [0, 0, 0, 0]
    assert sorted(test) == sorted(numbers(load_plain(load, write_table(COLUMNS)).test))
    assert dataset.describe()["folds"] == [
        {"train": len(f.train), "val": len(f.val), "class_counts": np.bincount(f.val.y).tolist()} for f in dataset.folds
    ]


def test_the_seed_draws_the_folds_and_the_fingerprint_knows_them(write_table: Write, load: Load) -> None:
    path = write_table(COLUMNS)
    first, again, other = (load_plain(load, path, folds=3, split_seed=seed) for seed in (0, 0, 1))
    assert [numbers(fold.val).tolist() for fold in first.folds] == [numbers(f.val).tolist() for f in again.folds]
    assert sorted(numbers(first.val)) != sorted(numbers(other.val))
    found = {load_plain(load, path, folds=folds).fingerprint for folds in (2, 3, 4)}
    assert len(found | {load_plain(load, path).fingerprint}) == 4
    assert first.fingerprint == again.fingerprint in found


@pytest.mark.parametrize("folds", [None, 1])
def test_one_fold_is_a_dataset_without_folds(folds: int | None, write_table: Write, load: Load) -> None:
    path = write_table(COLUMNS)
    plain, found = load_plain(load, path), load_plain(load, path, folds=folds)
    assert found.fingerprint == plain.fingerprint
    assert found.others == ()
    assert "folds" not in found.describe()
    assert "others" not in found.training_arrays("accuracy")


@pytest.mark.parametrize(
    ("options", "folds"),
    [
        ({}, 5),
        ({"group": "customer"}, 5),
        ({"val_fraction": 0.4}, None),
        ({"val_fraction": 0.15}, None),
        ({"num_val": 20}, None),
        ({"time": "day"}, None),
    ],
)
def test_auto_makes_folds_where_one_split_would_validate_on_few_rows(
    options: dict[str, Any], folds: int | None, write_table: Write, load: Load
) -> None:
    path = write_table(COLUMNS)
    found = load_plain(load, path, **{"folds": "auto", **options})
    assert found.spec.folds == folds
    assert found.fingerprint == load_plain(load, path, **{**options, "folds": folds}).fingerprint
    # What is recorded is what was found.
    assert DatasetSpec.from_json(found.spec.to_json()).folds == folds


@pytest.mark.parametrize(("count", "folds"), [(3329, 5), (3330, None)])  # one split validates on 499 rows, on 500
def test_auto_counts_the_rows_that_one_split_would_validate_on(
    count: int, folds: int | None, write_table: Write, load: Load
) -> None:
    path = write_table({"row": np.arange(float(count)), "label": np.arange(count) % 2})
    assert load(path, folds="auto").spec.folds == folds


def test_auto_makes_no_folds_of_rows_that_allow_none(write_table: Write, load: Load) -> None:
    path = write_table({"row": np.arange(20.0), "label": [0, 1] * 10})
    assert load(path, folds="auto", test_fraction=0.6).others == ()
    for part in ("train", "val"):
        write_table(COLUMNS, f"parts/{part}.parquet")
    assert load_plain(load, path.parent / "parts", folds="auto").others == ()
    assert load_dataset(DatasetSpec("digits", folds="auto")).others == ()


def test_auto_makes_no_folds_that_leave_a_class_out_of_validation(write_table: Write, load: Load) -> None:
    def found(rare: int) -> int | str | None:
        label = ["rare"] * rare + ["yes", "no"] * 30
        path = write_table({"row": np.arange(float(len(label))), "label": label})
        return load(path, folds="auto", test_fraction=0.0).spec.folds

    # One row can validate nowhere; of four, one can in one split, none in five folds.
    assert [found(rare) for rare in (1, 4, 5)] == [5, None, 5]


def test_auto_makes_no_folds_of_which_one_would_train_on_weights_of_zero(write_table: Write, load: Load) -> None:
    rows = np.arange(60.0)
    columns = {"row": rows, "label": rows % 2 > 0}
    path = write_table({**columns, "weight": np.ones(60)})
    found = load(path, folds="auto", weights="weight", preprocessing="none")
    assert found.spec.folds == 5
    trained = load(path, weights="weight", preprocessing="none").train.X[0, 0]
    # The one row that counts trains in one split, and validates in a fold.
    path = write_table({**columns, "weight": (rows == trained).astype(float)})
    assert load(path, folds="auto", weights="weight").others == ()


def test_each_fold_scales_by_its_own_training_rows(write_table: Write, load: Load) -> None:
    values = RANDOM.randn(ROWS)
    columns = {
        "value": values,
        "kind": ["rare" if i == 7 else "common" for i in range(ROWS)],
        "label": COLUMNS["label"],
    }
    dataset = load(write_table(columns), folds=4, test_fraction=0.0, preprocessing="standardize")
    for fold in dataset.folds:
        assert abs(fold.train.X[:, 0].mean()) < 1e-6
        assert abs(fold.val.X[:, 0].mean()) > 1e-6
    # The fold that validates on the one row of a category does not know it.
    assert sorted(fold.input_dim for fold in dataset.folds) == [2, 3, 3, 3]
    arrays = dataset.training_arrays("accuracy")
    assert [part["X_train"].shape[1] for part in (arrays, *arrays["others"])] == [f.input_dim for f in dataset.folds]


def test_the_positive_class_is_the_same_in_every_fold(write_table: Write, load: Load) -> None:
    columns = {"row": np.arange(207.0), "label": np.arange(1, 208) % 2}
    dataset = load(write_table(columns), folds=5, test_fraction=0.0)
    assert len({fold.positive for fold in dataset.folds}) == 2  # each of the two is the rarer one somewhere
    arrays = dataset.training_arrays("average_precision")
    assert {part["positive"] for part in arrays["others"]} == {arrays["positive"]}


def test_a_regression_standardises_its_target_in_each_fold(write_table: Write, load: Load) -> None:
    columns = {**COLUMNS, "label": np.exp(RANDOM.randn(ROWS))}
    dataset = load_plain(load, write_table(columns), folds=3, task="regression")
    arrays = dataset.training_arrays("rmse")
    parts = [arrays, *arrays["others"]]
    assert len({part["target_scale"] for part in parts}) == 3
    for part in parts:
        assert abs(part["y_train"].mean()) < 1e-6


def test_no_group_lies_on_both_sides_of_a_fold(write_table: Write, load: Load) -> None:
    for columns, task in ((COLUMNS, None), ({**COLUMNS, "label": RANDOM.randn(ROWS)}, "regression")):
        dataset = load_plain(load, write_table(columns), group="customer", folds=5, task=task)
        test = set(CUSTOMERS[numbers(dataset.test)])
        validated = [set(CUSTOMERS[numbers(fold.val)]) for fold in dataset.folds]
        assert sum(map(len, validated)) + len(test) == 60
        for fold, groups in zip(dataset.folds, validated, strict=True):
            assert groups.isdisjoint(test | set(CUSTOMERS[numbers(fold.train)]))


def test_the_only_group_of_a_class_trains_in_every_fold(write_table: Write, load: Load) -> None:
    label = np.where(CUSTOMERS == 59, 3, COLUMNS["label"])
    dataset = load_plain(load, write_table({**COLUMNS, "label": label}), group="customer", folds=4)
    assert all(3 in fold.train.y and 3 not in fold.val.y for fold in dataset.folds)
    assert dataset.details["classes_in_training_only"] == ["3"]


def test_in_time_each_fold_trains_on_what_came_before_it_and_the_latest_is_kept(write_table: Write, load: Load) -> None:
    days = COLUMNS["day"]
    dataset = load_plain(load, write_table(COLUMNS), time="day", folds=4)
    latest = days[numbers(dataset.test)].min()
    for fold in dataset.folds:
        assert days[numbers(fold.train)].max() < days[numbers(fold.val)].min()
        assert days[numbers(fold.val)].max() < latest
        latest = days[numbers(fold.val)].min()
        assert abs(len(fold.val) - (ROWS - len(dataset.test)) / 5) <= 8
    assert len(dataset.train) + len(dataset.val) + len(dataset.test) == ROWS


def test_classes_of_fewer_rows_than_folds_train_in_every_fold(write_table: Write, load: Load) -> None:
    label = np.array(COLUMNS["label"])
    label[:4] = 3
    dataset = load_plain(load, write_table({**COLUMNS, "label": label}), folds=5, test_fraction=0.0)
    assert all(np.bincount(fold.train.y)[3] == 4 for fold in dataset.folds)
    assert dataset.details["classes_in_training_only"] == ["3"]


def test_num_train_holds_in_every_fold(write_table: Write, load: Load) -> None:
    dataset = load_plain(load, write_table(COLUMNS), folds=3, num_train=100, num_val=50)
    assert {(len(fold.train), len(fold.val)) for fold in dataset.folds} == {(100, 50)}


def test_weights_of_classes_are_those_of_the_fold(write_table: Write, load: Load) -> None:
    dataset = load_plain(load, write_table(COLUMNS), folds=3, class_weight="balanced")
    for fold in dataset.folds:
        assert len(fold.row_weights) == len(fold.train)
        assert fold.row_weights.mean() == pytest.approx(1)


@pytest.mark.parametrize("folds", [0, 21, 2.5, True, "five"])
def test_folds_must_be_a_number_that_can_be(folds: object) -> None:
    with pytest.raises(DataError, match="folds must be an integer from 2 to 20, 1 for one split, or auto; found"):
        DatasetSpec.from_value({"source": "digits", "folds": folds})


def test_other_names_for_folds_are_understood() -> None:
    with pytest.raises(DataError, match=r"unknown dataset option 'cv'.*folds"):
        DatasetSpec.from_value({"source": "digits", "cv": 5})


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"label": np.arange(ROWS) < 4}, {}, "5 folds need at least 5 rows of two classes"),
        ({}, {"group": "customer", "folds": 20}, "20 folds by groups of 'customer' need at least 20 groups"),
        ({}, {"time": "day"}, "5 folds in the order of 'day' need 6 parts"),
    ],
)
def test_too_few_rows_groups_or_times_for_the_folds(
    change: dict[str, Any], options: dict[str, Any], message: str, write_table: Write, refusal: Callable[..., str]
) -> None:
    few = {"customer": [f"c{number % 15}" for number in range(ROWS)], "day": np.arange(ROWS) % 4}
    path = write_table({**COLUMNS, **few, **change})
    assert message in refusal(path, **{"folds": 5, **options})


def test_a_validation_split_of_the_source_is_refused(
    write_table: Write, refusal: Callable[..., str], tmp_path: Path
) -> None:
    for name in ("train", "val"):
        write_table(COLUMNS, f"folder/{name}.parquet")
    assert "must not have a validation split of its own; found 600" in refusal(tmp_path / "folder", folds=5)


def test_named_datasets_have_folds_too() -> None:
    dataset = load_dataset(DatasetSpec("digits", folds=2))
    assert [len(fold.val) for fold in dataset.folds] == [764, 763]
