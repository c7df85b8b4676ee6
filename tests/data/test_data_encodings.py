"""Numbers of a table by ranks, by quartiles, and by bins: what they become, and that only training rows say so."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.preprocessing import QuantileTransformer

from fcsearch.data import Dataset, DatasetSpec, load_dataset
from fcsearch.data.encodings import Bins, Curve, Encoding, SmoothClip
from fcsearch.data.fit_encodings import KNOTS, fit_bins, fit_curve, fit_smooth_clip
from fcsearch.data.transform import FeatureTransform, NumberInput
from fcsearch.errors import DataError
from fcsearch.inference.module import Features

RANDOM = np.random.RandomState(3)
LONG = ["quantile", "robust", "piecewise"]


def encoded(encoding: Encoding, *values: float) -> np.ndarray:
    """(values, features) What a column's numbers become."""
    transform = FeatureTransform((NumberInput("x", "number", (), encoding),), "float64", ("a", "b"))
    return transform.apply(np.array(values, dtype=np.float64)[:, None])


def table(rows: int = 200, *, wild: float = 0.0) -> dict[str, Any]:
    """A number, one with gaps, one that is 0 for most rows, a list, and a category; `wild` shifts the last 60 rows."""
    random = np.random.RandomState(0)
    shift = np.where(np.arange(rows) >= rows - 60, wild, 0.0)
    gaps = [None if row % 7 == 0 else float(value) for row, value in enumerate(random.exponential(size=rows) + shift)]
    return {
        "age": random.normal(size=rows) * 9 + shift,
        "gaps": gaps,
        "gain": np.where(random.rand(rows) < 0.8, 0.0, random.exponential(size=rows) * 1e4),
        "many": list(random.normal(size=(rows, 2))),
        "job": random.choice(["cook", "smith"], rows),
        "label": np.arange(rows) % 2,
    }


def test_a_curve_makes_ranks_normal() -> None:
    values = RANDOM.exponential(size=5000) ** 2
    curve = fit_curve(values)
    found = encoded(curve, *values)[:, 0]
    peer = QuantileTransformer(n_quantiles=5000, output_distribution="normal").fit_transform(values[:, None])[:, 0]
    inner = np.abs(peer) < 3
    np.testing.assert_allclose(found[inner], peer[inner], atol=0.05)
    assert len(curve.knots[0]) == len(curve.values[0]) <= KNOTS
    assert abs(found.mean()) < 0.01
    assert abs(found.std() - 1) < 0.02
    assert (np.diff(found[np.argsort(values)]) >= 0).all()
    ends = encoded(curve, -1e300, values.min(), values.max(), 1e300)[:, 0]
    assert ends[0] == ends[1] == pytest.approx(NormalDist().inv_cdf(0.5 / 5000))
    assert ends[2] == ends[3] == pytest.approx(NormalDist().inv_cdf(1 - 0.5 / 5000))


def test_equal_values_get_the_mean_of_their_ranks() -> None:
    found = encoded(fit_curve(np.array([5.0, 1, 1, 1, 9])), 1, 5, 9)[:, 0]
    np.testing.assert_allclose(found, [NormalDist().inv_cdf(share) for share in (0.3, 0.7, 0.9)], rtol=1e-6)


def test_a_smooth_clip_goes_by_the_quartiles() -> None:
    encoding = fit_smooth_clip(np.arange(101.0))
    assert encoding == SmoothClip((50.0,), (50.0,))
    scaled = np.array([-1.0, 0.0, 0.4, 20.0])
    wanted = scaled / np.sqrt(1 + (scaled / 3) ** 2)
    np.testing.assert_allclose(encoded(encoding, *(50 + 50 * scaled))[:, 0], wanted, rtol=1e-6)
    assert encoded(encoding, 1e200, -1e200)[:, 0].tolist() == [3, -3]
    # Half the range where the quartiles are equal.
    assert fit_smooth_clip(np.array([0.0] * 9 + [8.0])) == SmoothClip((0.0,), (4.0,))


def test_bins_are_quantiles_and_a_feature_each() -> None:
    encoding = fit_bins(np.arange(101.0), 4)
    assert encoding == Bins(((0.0, 25.0, 50.0, 75.0, 100.0),))
    found = encoded(encoding, -1e300, 0, 10, 25, 60, 100, 1e300)
    wanted = [[0, 0, 0, 0]] * 2 + [[0.4, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0.4, 0]] + [[1, 1, 1, 1]] * 2
    np.testing.assert_allclose(found, wanted, atol=1e-7)


def test_bins_where_values_repeat() -> None:
    few = np.array([0.0] * 50 + [1.0] * 3 + [7.0])
    assert fit_bins(few, 4) == Bins(((0.0, 1.0, 7.0),))
    # A value that most rows have is one edge, and the others are quantiles of the rest.
    often = np.concatenate([np.zeros(900), np.arange(1, 101.0)])
    [edges] = fit_bins(often, 4).edges
    np.testing.assert_allclose(edges, [0, 1, 34, 67, 100])


@pytest.mark.parametrize("preprocessing", LONG)
@pytest.mark.parametrize("value", [0.0, 3.25, -1e17])
def test_a_constant_column_is_zero(preprocessing: str, value: float, write_table: Any, load: Any) -> None:
    data = load(
        write_table({"a": [value] * 60, "b": RANDOM.rand(60), "label": [0, 1] * 30}), preprocessing=preprocessing
    )
    assert data.train.X[:, 0].tolist() == [0] * len(data.train)


@pytest.mark.parametrize("preprocessing", LONG)
def test_only_the_training_rows_are_looked_at(
    preprocessing: str, write_table: Callable[..., Path], load: Callable[..., Dataset]
) -> None:
    parts = {name: write_table(table(wild=wild), f"{name}.parquet") for name, wild in (("same", 0), ("wild", 1e6))}
    train = write_table(table(80), "train.parquet")
    fitted = [load(train, test=str(path), preprocessing=preprocessing).transform for path in parts.values()]
    assert fitted[0] == fitted[1]
    assert load(parts["wild"], preprocessing=preprocessing).transform != fitted[0]


@pytest.mark.parametrize("preprocessing", LONG)
def test_what_is_fitted_is_kept_to_the_last_bit(preprocessing: str, write_table: Any, load: Any) -> None:
    transform = load(write_table(table()), preprocessing=preprocessing).transform
    again = FeatureTransform.from_json(transform.to_json(), where="here")
    assert again == transform
    raw = RANDOM.normal(size=(50, transform.raw_width)) * 20
    raw[:, -1] = RANDOM.randint(-1, 2, 50)
    raw[::5, 1] = np.nan
    X = transform.apply(raw)
    assert again.apply(raw).tobytes() == X.tobytes()
    assert np.isfinite(X).all()
    # A gap is the median, and the category's 0/1 columns come last.
    filled = np.where(np.isnan(raw), transform.inputs[1].fill, raw)
    assert transform.apply(filled).tobytes() == X.tobytes()
    np.testing.assert_array_equal(X[:, -2:], raw[:, -1:] == [0, 1])
    np.testing.assert_allclose(Features(transform)(torch.from_numpy(raw)).numpy(), X, atol=1e-6)


def test_the_width_follows_from_the_bins(write_table: Any, load: Any) -> None:
    path = write_table(table())
    for bins in (16, 3):
        data = load(path, preprocessing="piecewise", bins=bins)
        # Four numbers and a list of two make five; the category has two columns.
        assert data.input_dim == data.transform.width == 5 * bins + 2
    assert [type(item.encoding) for item in load(path, preprocessing="quantile").transform.inputs[:-1]] == [Curve] * 4


@pytest.mark.parametrize("preprocessing", LONG)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_arrays_too(preprocessing: str, dtype: type, tmp_path: Path, load: Any) -> None:
    X = (np.random.RandomState(0).rand(90, 3) * 200).astype(dtype)
    np.savez(tmp_path / "t.npz", X=X, y=np.arange(90) % 2)
    data = load(tmp_path / "t.npz", preprocessing=preprocessing)
    assert np.abs(data.train.X).max() <= 3
    again = FeatureTransform.from_json(data.transform.to_json(), where="here")
    np.testing.assert_allclose(Features(again)(torch.from_numpy(X)).numpy(), again.apply(X), atol=1e-5)


@pytest.mark.parametrize("preprocessing", LONG)
def test_pixels_are_refused(preprocessing: str) -> None:
    with pytest.raises(DataError, match=f"pixels must be standardize, mean or none; found {preprocessing}"):
        load_dataset(DatasetSpec("digits", preprocessing=preprocessing))  # type: ignore[arg-type]


def test_the_fingerprint_knows_the_bins(write_table: Any, load: Any) -> None:
    path = write_table(table())
    left_out = load(path, preprocessing="piecewise")
    same, other = (load(path, preprocessing="piecewise", bins=bins) for bins in (left_out.spec.bins, 8))
    assert left_out.fingerprint == same.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("encoding", "says"),
    [
        (
            {"kind": "bins", "edges": [[0, 1, 1]]},
            "column 'x': knots and edges must be 2 or more finite numbers, rising",
        ),
        ({"kind": "bins", "edges": [[0, 1], [0, 1]]}, "column 'x' has 1 values, of which 2 are encoded"),
        ({"kind": "curve", "knots": [[0, 1]], "values": [[0]]}, "column 'x': each knot must have a value"),
        ({"kind": "smooth_clip", "offset": [0], "scale": [0]}, "column 'x': scales and limit must be above 0"),
        ({"kind": "affine", "offset": [0], "scale": [1e999]}, "column 'x': an offset or a scale that is not finite"),
    ],
)
def test_encodings_that_no_fit_has_made_are_refused(encoding: dict[str, Any], says: str) -> None:
    transform = FeatureTransform((NumberInput("x", "number", (), Bins(((0.0, 1.0),))),), "float64", ("a", "b"))
    value = json.loads(transform.to_json())
    value["inputs"][0]["encoding"] = encoding
    with pytest.raises(DataError) as caught:
        FeatureTransform.from_json(json.dumps(value), where="transform.json")
    assert says in str(caught.value)


def test_one_kind_of_encoding_for_all_numbers() -> None:
    x = NumberInput("x", "number", (), Bins(((0.0, 1.0),)))
    y = dataclasses.replace(x, name="y", encoding=SmoothClip((0.0,), (1.0,)))
    text = FeatureTransform((x, y), "float64", ("a", "b")).to_json()
    with pytest.raises(DataError, match="numbers of more than one kind of encoding"):
        FeatureTransform.from_json(text, where="transform.json")
