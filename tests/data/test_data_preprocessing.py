import numpy as np
import pytest

from fcsearch.data.option_values import Preprocessing
from fcsearch.data.preprocessing import fit_transform, raw_matrix
from fcsearch.data.rows import PIXEL_SCALE, Column, PartSizes, Rows
from fcsearch.data.splits import SplitRows
from fcsearch.errors import DataError

RANDOM = np.random.RandomState(0)
TRAIN, VAL, TEST = np.arange(100)[::-1].copy(), np.arange(100, 120), np.arange(120, 150)
SPLIT = SplitRows(TRAIN, VAL, TEST)


def rows(X: np.ndarray, **options: object) -> Rows:
    return Rows(X, np.zeros(len(X), np.int64), ("a", "b"), PartSizes(len(X)), **options)  # type: ignore[arg-type]


def preprocess(given: Rows, split: SplitRows, preprocessing: Preprocessing) -> tuple[np.ndarray, ...]:
    transform = fit_transform(given, split.train, preprocessing)
    raw = raw_matrix(given, transform)
    return tuple(transform.apply(raw, part) for part in (split.train, split.val, split.test))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_standardize_is_fitted_on_the_training_rows(dtype: type) -> None:
    X = (RANDOM.rand(150, 7) * 200 + np.arange(7)).astype(dtype)
    parts = preprocess(rows(X), SPLIT, "standardize")
    mean, deviation = X[TRAIN].astype(np.float64).mean(0), X[TRAIN].astype(np.float64).std(0)
    for part, indices in zip(parts, (TRAIN, VAL, TEST), strict=True):
        np.testing.assert_allclose(part, (X[indices] - mean) / deviation, rtol=1e-4, atol=1e-5)
        assert part.dtype == np.float32
        assert part.flags.c_contiguous


@pytest.mark.parametrize("scale", [PIXEL_SCALE, 1.0])
def test_mean_and_none(scale: float) -> None:
    X = RANDOM.randint(0, 256, (150, 7)).astype(np.uint8)
    _, val, test = preprocess(rows(X, scale=scale), SPLIT, "mean")
    np.testing.assert_allclose(val, (X[VAL] - X[TRAIN].mean(0)) * scale, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(test, (X[TEST] - X[TRAIN].mean(0)) * scale, rtol=1e-4, atol=1e-4)
    for part, indices in zip(preprocess(rows(X, scale=scale), SPLIT, "none"), (TRAIN, VAL, TEST), strict=True):
        np.testing.assert_allclose(part, X[indices] * scale, rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, 3.25, 0.1, 1e9])
def test_a_constant_feature_becomes_zero(value: float) -> None:
    X = RANDOM.rand(150, 3)
    X[:, 1] = value
    for part in preprocess(rows(X), SPLIT, "standardize"):
        np.testing.assert_allclose(part[:, 1], 0, atol=1e-12)


def test_a_feature_that_only_the_test_rows_vary_is_not_blown_up() -> None:
    X = np.full((150, 3), 5.0)
    X[TEST, 1] = 9
    assert preprocess(rows(X), SPLIT, "standardize")[2][:, 1].tolist() == [4] * len(TEST)


def test_a_pixel_that_hardly_changes_is_not_blown_up() -> None:
    X = RANDOM.randint(0, 256, (150, 50)).astype(np.uint8)
    X[:, 0] = 0
    X[TRAIN[3], 0] = 1
    X[TEST, 0] = 255
    parts = preprocess(rows(X, scale=PIXEL_SCALE, image_shape=(5, 10, 1)), SPLIT, "standardize")
    assert np.abs(parts[2][:, 0]).max() < 40
    np.testing.assert_allclose(parts[0][:, 1:].std(0), 1, rtol=1e-5)
    assert preprocess(rows(X), SPLIT, "standardize")[2][:, 0].max() > 1000  # no pixels, no floor


def test_rows_that_are_scaled_block_by_block_are_those_that_are_scaled_at_once() -> None:
    X = RANDOM.rand(3000, 900).astype(np.float32)
    split = SplitRows(np.arange(2700), np.arange(2700, 2701), np.arange(2701, 3000))
    train = X[split.train].astype(np.float64)
    for part, indices in zip(
        preprocess(rows(X), split, "standardize"), (split.train, split.val, split.test), strict=True
    ):
        np.testing.assert_allclose(part, (X[indices] - train.mean(0)) / train.std(0), rtol=1e-5, atol=1e-5)


def test_an_empty_test_split_keeps_its_width() -> None:
    split = SplitRows(TRAIN, VAL, TEST[:0])
    assert preprocess(rows(RANDOM.rand(150, 7)), split, "standardize")[2].shape == (0, 7)


def test_scaled_values_outside_float32_are_refused() -> None:
    X = RANDOM.rand(150, 3) * 1e-30
    X[TEST, 1] = 1e30
    with pytest.raises(DataError, match="scaled features must stay within float32's range"):
        preprocess(rows(X), SPLIT, "standardize")
    X[VAL, 2] = np.nan
    with pytest.raises(DataError, match="scaled features must stay within float32's range"):
        preprocess(rows(X, columns=tuple(Column(name) for name in "abc")), SPLIT, "standardize")
