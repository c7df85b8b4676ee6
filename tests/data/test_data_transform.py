"""The transform by itself: what is fitted is what is kept, to the last bit."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fcsearch.data import Dataset, DatasetSpec, load_dataset
from fcsearch.data.transform import CategoryInput, FeatureTransform, NumberInput
from fcsearch.errors import DataError

RANDOM = np.random.RandomState(1)
TABLE = "age,job,height,label\n" + "".join(
    f"{RANDOM.randint(18, 90) if row % 7 else ''},{['cook', 'smith', '', 'cook'][row % 4]},"
    f"{RANDOM.randn() * 10 + 170!r},{['no', 'yes'][row % 2]}\n"
    for row in range(80)
)


@pytest.mark.parametrize("preprocessing", ["standardize", "mean", "none"])
def test_json_keeps_every_bit(write_csv: Callable[..., Path], load: Callable[..., Dataset], preprocessing: str) -> None:
    transform = load(write_csv(TABLE), preprocessing=preprocessing).transform
    again = FeatureTransform.from_json(transform.to_json(), where="here")
    assert again == transform
    raw = np.column_stack([RANDOM.randn(50) * 30, RANDOM.randint(-1, 2, 50), RANDOM.randn(50) * 200])
    raw[::5, 0] = np.nan
    assert again.apply(raw).tobytes() == transform.apply(raw).tobytes()


def test_it_says_what_each_column_becomes(write_csv: Callable[..., Path], load: Callable[..., Dataset]) -> None:
    transform = load(write_csv(TABLE)).transform
    age, job, height = transform.inputs
    assert isinstance(age, NumberInput)
    assert isinstance(height, NumberInput)
    assert (age.name, age.source, height.name) == ("age", "number", "height")
    assert 18 <= (age.fill or 0) <= 90
    assert job == CategoryInput("job", ("cook", "smith"), "cook")
    assert (transform.label, transform.class_names, transform.width) == ("label", ("no", "yes"), 4)
    # Numbers first; an unseen category is none of the known ones, and a gap is what training fills it with.
    X = transform.apply(np.array([[np.nan, -1, 170.0], [age.fill, np.nan, 170.0], [age.fill, 1, 170.0]]))
    assert X[:, 2:].tolist() == [[0, 0], [1, 0], [0, 1]]
    assert X[0, 0] == X[1, 0]


def test_a_gap_can_be_filled_where_the_training_had_none(write_csv: Callable[..., Path], load: Any) -> None:
    transform = load(write_csv("a,label\n" + "".join(f"{row % 5},{row % 2}\n" for row in range(60)))).transform
    assert transform.inputs[0].fill == 2.0
    assert transform.apply(np.array([[np.nan]], np.float32)) == transform.apply(np.array([[2.0]], np.float32))


def test_images_are_one_input() -> None:
    transform = load_dataset(DatasetSpec("digits")).transform
    assert (transform.array.shape, transform.array.pixels, transform.width) == ((8, 8, 1), True, 64)
    assert FeatureTransform.from_json(transform.to_json(), where="here") == transform


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 9}, "must hold a transform of format 1; found 9"),
        ({"inputs": []}, "no inputs"),
        ({"dtype": "int8"}, "dtype: Input should be 'float32' or 'float64'"),
        (
            {"inputs": [{"kind": "category", "name": "job", "categories": ["a"], "fill": "b"}]},
            "not one of its categories",
        ),
        ({"inputs": [{"kind": "number", "name": "age"}]}, "Field required"),
    ],
)
def test_what_no_fit_has_made_is_refused(change: dict[str, Any], says: str) -> None:
    text = load_dataset(DatasetSpec("digits")).transform.to_json()
    with pytest.raises(DataError, match=r"^transform\.json must hold ") as caught:
        FeatureTransform.from_json(json.dumps({**json.loads(text), **change}), where="transform.json")
    assert says in str(caught.value)
    with pytest.raises(DataError, match="must hold the transform that fcsearch wrote"):
        FeatureTransform.from_json(text[:-9], where="transform.json")
