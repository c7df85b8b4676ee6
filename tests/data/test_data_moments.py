"""What numbers say is what scikit-learn says of them, to the last bit."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from fcsearch.data.moments import Moments, median, moments_of, most_frequent, with_medians

RANDOM = np.random.RandomState(0)
UNITS = np.array([1.0, 1e-9, 1e9, 3.0, 0.0])


def numbers(rows: int, dtype: type) -> npt.NDArray[np.floating]:
    X = (RANDOM.randn(rows, len(UNITS)) + np.array([0, 1e6, -5, 0, 7])) * UNITS
    # A constant that float64 cannot tell from one that changes.
    X[:, 3] = 1 / 3
    return X.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("rows", [1, 2, 999])
def test_moments_are_those_of_the_standard_scaler(dtype: type, order: str, rows: int) -> None:
    X = np.array(numbers(rows, dtype), order=order)
    found, scaler = moments_of(X), StandardScaler().fit(X)
    np.testing.assert_array_equal(found.mean, scaler.mean_)
    np.testing.assert_array_equal(found.variance, scaler.var_)
    np.testing.assert_array_equal(found.scale, scaler.scale_)
    assert found.scale[3] == 1


def test_blocks_add_up_as_the_scalers_do() -> None:
    found, scaler = Moments(), StandardScaler()
    for rows in (1, 700, 3, 200):
        block = numbers(rows, np.float64)
        found.add(block)
        scaler.partial_fit(block)
    np.testing.assert_array_equal(found.mean, scaler.mean_)
    np.testing.assert_array_equal(found.variance, scaler.var_)
    np.testing.assert_array_equal(found.scale, scaler.scale_)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gaps_are_filled_as_the_imputer_fills_them(dtype: type) -> None:
    X = np.round(numbers(101, dtype), 1)
    X[RANDOM.random_sample(X.shape) < 0.3] = np.nan
    for strategy, fill in (("median", median), ("most_frequent", most_frequent)):
        expected = SimpleImputer(strategy=strategy).fit(X).statistics_
        np.testing.assert_array_equal([fill(column) for column in X.T], expected)
    np.testing.assert_array_equal(with_medians(X), SimpleImputer(strategy="median").fit_transform(X))


def test_of_equally_frequent_values_the_smallest_is_taken() -> None:
    assert most_frequent(np.array([3.0, 1.0, np.nan, 3.0, 1.0, 2.0])) == 1
