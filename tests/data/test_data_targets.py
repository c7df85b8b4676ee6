"""Whether a label is a class or a quantity, and the targets of a regression."""

import json

import numpy as np
import pyarrow as pa
import pytest

from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.data.targets import encode_targets, found_task, read_labels
from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import DataError


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (pa.array([0.5, 1.0, 2.0]), "regression"),
        (pa.array([0.0, 1.0, None]), "classification"),
        (pa.array(range(20)), "classification"),
        (pa.array(range(21)), "regression"),
        (pa.array([*range(100)] * 20), "classification"),
        (pa.array([*range(100)] * 19), "regression"),
        (pa.array([*range(1001)] * 20), "regression"),
        (pa.array(["1.5", "2.5"]), "classification"),
        (pa.array([True, False]), "classification"),
        (pa.array([0.5, float("nan")]), "regression"),
    ],
)
def test_the_task_is_found_from_the_label(values: pa.Array, task: str) -> None:
    assert found_task(values) == task


def test_names_of_classes_make_classes() -> None:
    assert found_task(pa.array(range(30)), tuple(map(str, range(30)))) == "classification"


def test_the_user_has_the_last_word() -> None:
    assert read_labels(pa.array([1, 2, 1]), None, "regression", "here")[0].tolist() == [1.0, 2.0, 1.0]
    y, names = read_labels(pa.array([*range(30)] * 2), None, "classification", "here")
    assert (y.dtype, len(names)) == (np.int64, 30)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array(["a", "b"]), "column 'y' must hold the numbers that a regression predicts; found text"),
        (pa.array(["1.2.2026", "2.2.2026"]), "found text. They look like dates, such as '1.2.2026': to predict them"),
        (pa.array(["1.2.2026", "2.2.2026"]).dictionary_encode(), "found text. They look like dates"),
        (pa.array([1, 2], pa.date32()), "found date32.*, which are dates. To predict them, write them as numbers"),
        (pa.array([1.5, None, float("inf")]), "must give every row a finite number; found 2 rows without"),
        (pa.array([2.5, 2.5]), "must hold different numbers; found 2.5 in every row"),
    ],
)
def test_what_no_regression_can_learn_is_refused(values: pa.Array, message: str) -> None:
    with pytest.raises(DataError, match=message):
        encode_targets(values, "column 'y'")


def test_a_dataset_of_targets(write_csv) -> None:
    rng = np.random.default_rng(0)
    rows = [f"{a},{1000 + 50 * noise}" for a, noise in rng.normal(size=(100, 2)).tolist()]
    data = load_dataset(DatasetSpec(str(write_csv("\n".join(["a,price", *rows]))), label="price"))
    assert (data.task, data.num_classes, data.class_names) == ("regression", 0, ())
    target = data.transform.target
    assert target.offset == pytest.approx(data.train.y.mean())
    assert target.scale == pytest.approx(data.train.y.std())
    labels = data.labels(data.val)
    assert labels.dtype == np.float32
    np.testing.assert_allclose(labels * target.scale + target.offset, data.val.y, rtol=1e-6)
    described = data.describe()
    assert (described["task"], described["label"]) == ("regression", "price")
    assert described["target"]["mean"] == pytest.approx(target.offset)
    assert "class_counts" not in described
    json.dumps(described)
    assert FeatureTransform.from_json(data.transform.to_json(), where="here") == data.transform
