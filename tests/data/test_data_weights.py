"""How much rows count: a column of weights, and weights of classes."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from fcsearch.data import Dataset, DatasetSpec, dataset_in_memory, load_dataset
from fcsearch.data.others import read_other
from fcsearch.data.unlabelled import read_parts
from fcsearch.errors import DataError
from fcsearch.training import TrainingData

Load = Callable[..., Dataset]
Write = Callable[..., Path]


def columns(label: str = "kind") -> dict[str, Any]:
    """200 rows: a feature that tells the row, weights from 0 to 4, and a fifth of the rows of the class `rare`."""
    rows = np.arange(200)
    labels = np.where(rows % 5 == 0, "rare", "usual") if label == "kind" else rows / 3
    return {"a": rows.astype(float), "b": rows % 7 / 2, "w": rows % 5, label: labels}


@pytest.fixture
def table(write_table: Write) -> Path:
    return write_table(columns())


def test_a_column_of_weights_is_no_feature_and_counts_rows(table: Path, load: Load) -> None:
    data = load(table, label="kind", weights="w", preprocessing="none")
    assert data.input_dim == 2
    assert data.row_weights.mean() == pytest.approx(1)
    np.testing.assert_allclose(data.row_weights, data.train.X[:, 0] % 5 / (data.train.X[:, 0] % 5).mean())
    use = {column.name: column.use for column in data.columns}
    assert use == {"a": "used", "b": "used", "w": "weights", "kind": "label"}
    described = data.describe()
    assert described["row_weights"] == {"low": 0.0, "high": data.row_weights.max()}
    assert described["spec"]["weights"] == "w"
    assert DatasetSpec.from_json(json.loads(json.dumps(described["spec"]))) == data.spec


def test_without_weights_all_rows_count_alike(table: Path, load: Load) -> None:
    data = load(table, label="kind", drop="w")
    assert (data.row_weights, data.training_arrays("accuracy")["row_weights"]) == (None, None)
    assert "row_weights" not in data.describe()


def test_the_fingerprint_is_also_of_the_weights(write_table: Write, load: Load) -> None:
    options = {"label": "kind", "weights": "w"}
    first = load(write_table(columns()), **options).fingerprint
    assert load(write_table(columns(), "same.parquet"), **options).fingerprint == first
    assert load(write_table({**columns(), "w": np.arange(200)}), **options).fingerprint != first
    unweighted = load(write_table(columns()), label="kind", drop="w").fingerprint
    assert unweighted != first
    # What a class counts is no matter of the data.
    assert load(write_table(columns()), label="kind", drop="w", class_weight="balanced").fingerprint == unweighted


def test_balanced_classes_count_as_scikit_learn_has_it(table: Path, load: Load) -> None:
    data = load(table, label="kind", drop="w", class_weight="balanced")
    weights = compute_class_weight("balanced", classes=np.arange(2), y=data.train.y)
    np.testing.assert_allclose(data.row_weights, weights[data.train.y])
    sums = [data.row_weights[data.train.y == place].sum() for place in range(2)]  # type: ignore[index]
    assert sums[0] == pytest.approx(sums[1])


def test_weights_of_classes_multiply_those_of_rows_and_a_class_not_named_has_one(table: Path, load: Load) -> None:
    data = load(table, label="kind", weights="w", class_weight={"usual": 0.25}, preprocessing="none")
    expected = data.train.X[:, 0] % 5 * np.where(data.train.y == data.class_names.index("usual"), 0.25, 1)
    np.testing.assert_allclose(data.row_weights, expected / expected.mean())
    assert load(table, label="kind", drop="w", class_weight={"rare": 9}).spec.class_weight == {"rare": 9.0}


def test_a_regression_has_weights_of_rows(write_table: Write, load: Load) -> None:
    data = load(write_table(columns("price")), label="price", weights="w")
    trained = TrainingData.from_arrays(**data.training_arrays("rmse"))
    np.testing.assert_allclose(trained.row_weights.numpy(), data.row_weights, rtol=1e-6)


@pytest.mark.parametrize(
    ("names", "given"), [([0, 1], {0: 1, 1: 5}), ([False, True], {True: 5}), ([2.0, 3.0], {3.0: 5})]
)
def test_classes_may_be_numbers_and_truth_values(names: list[Any], given: dict[Any, float]) -> None:
    y = np.array(names)[np.arange(100) % 2]
    data = dataset_in_memory(np.arange(200.0).reshape(100, 2), y, DatasetSpec("memory:", class_weight=given))
    assert data.row_weights is not None
    counts = sorted(set(np.round(data.row_weights, 6)))
    assert counts[1] == pytest.approx(5 * counts[0], rel=1e-5)


def test_a_program_may_hand_weights_over() -> None:
    y, weights = np.arange(100) % 2, np.arange(100)
    X = np.stack([np.arange(100.0), y], 1)
    spec = DatasetSpec("memory:", preprocessing="none")
    data = dataset_in_memory(X, y, spec, row_weights=weights)
    np.testing.assert_allclose(data.row_weights, data.train.X[:, 0] / data.train.X[:, 0].mean())
    for wrong, message in (
        (weights[:5], r"one for each of the 100 rows; found the shape \(5,\)"),
        (np.array(["a"] * 100), "must be a column of the table, or numbers"),
        (weights - 1, "the weights must give every row a weight, .* found -1 in row 0, and 1 such"),
    ):
        with pytest.raises(DataError, match=message):
            dataset_in_memory(X, y, spec, row_weights=wrong)
    with pytest.raises(DataError, match="weights belong to tables; the array X has no columns"):
        dataset_in_memory(X, y, dataclasses.replace(spec, weights="w"))


def test_later_rows_need_no_weights(table: Path, write_table: Write, load: Load) -> None:
    data = load(table, label="kind", weights="w")
    later = {name: values for name, values in columns().items() if name != "w"}
    other = read_other(DatasetSpec(str(write_table(later, "later.parquet"))), data.transform)
    assert len(other.rows) == 200
    assert other.ignored == ()
    [part] = read_parts(
        DatasetSpec(str(write_table({"b": later["b"], "a": later["a"]}, "new.parquet"))), data.transform
    )
    np.testing.assert_array_equal(part.X, other.rows.X)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": "v"}, "dataset option weights must name a column of .* that is not the label; found 'v', and the"),
        ({"weights": "w2"}, r"Did you mean 'w'\?"),
        ({"weights": "kind"}, "that is not the label; found 'kind'"),
        ({"weights": ""}, "weights must be the name of a column; found ''"),
        (
            {"class_weight": {"raer": 2}},
            r"must name classes of the label \(rare, usual\); found 'raer'. Did you mean 'rare'",
        ),
        ({"class_weight": "balance"}, "must be balanced, or a number of at least 0 for each .*'balance'. Did you mean"),
        ({"class_weight": {"rare": -1}}, "must be balanced, or a number of at least 0 for each of some classes"),
        ({"class_weight": {"rare": float("nan")}}, "must be balanced, or a number"),
        ({"class_weight": {"rare": "5"}}, "must be balanced, or a number"),
        ({"class_weight": {}}, "must be balanced, or a number"),
        ({"class_weight": {"rare": 0, "usual": 0}}, "must have weights above 0; found zero for each of the 140"),
    ],
)
def test_what_cannot_be_is_refused(table: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_dataset(DatasetSpec(str(table), label="kind", **options))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", "b"], "column 'w' of .* must hold numbers, the weights of the rows; found string"),
        ([1.0, None], "give every row a weight, .*; found no value in row 1, and 100 such rows in all"),
        ([1.0, float("nan")], "found no value in row 1"),
        ([float("inf"), 1.0], "found inf in row 0"),
        ([1.0, -0.5], "a finite number of at least 0; found -0.5 in row 1"),
        ([0.0, 0.0], "must have weights above 0"),
    ],
)
def test_a_column_that_cannot_weigh_is_refused(
    write_table: Write, refusal: Any, values: list[Any], message: str
) -> None:
    path = write_table({**columns(), "w": values * 100})
    assert re.search(message, refusal(path, label="kind", weights="w"))


def test_class_weights_of_a_regression_and_weights_without_columns_are_refused(
    write_table: Write, refusal: Any, tmp_path: Path
) -> None:
    path = write_table(columns("price"))
    assert "belongs to a classification" in refusal(path, label="price", class_weight="balanced")
    assert "weights belongs to files and tables" in refusal("digits", weights="w")
    np.savez(tmp_path / "rows.npz", X=np.ones((9, 2)), y=np.arange(9) % 3)
    assert "option weights belongs to tables; an NPZ file" in refusal(tmp_path / "rows.npz", weights="w")
