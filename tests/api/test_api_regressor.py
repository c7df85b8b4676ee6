"""The regressor as people use it: with frames, in pipelines, by another objective."""

from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from fcsearch import FCSearchRegressor

SPACE: dict[str, Any] = {
    "parameters": {
        "learning_rate": {"choices": [0.0001, 0.02]},
        "update_rule": "adam",
        "epochs": 20,
        "hidden_dim": 16,
        "batch_size": 16,
    },
    "sampler": "grid",
}


def regressor(**options: Any) -> FCSearchRegressor:
    return FCSearchRegressor(**{"space": SPACE, "trials": 2, "random_state": 0, **options})


def rows(count: int = 200) -> tuple[Any, Any]:
    """Two numbers, of which the first tells a price."""
    X = np.random.default_rng(0).normal(size=(count, 2))
    return X, 50_000 + 3_000 * X[:, 0]


def test_it_predicts_in_the_unit_of_its_target_and_chooses_by_the_lowest_error() -> None:
    X, y = rows()
    fitted = regressor().fit(X, y)
    found = fitted.predict(X)
    assert (found.shape, found.dtype) == (y.shape, np.float64)
    assert np.sqrt(np.mean((found - y) ** 2)) < 600
    errors = fitted.trials_["val_rmse"].to_pylist()
    assert fitted.best_score_ == min(errors) < max(errors) / 3
    assert fitted.best_params_["learning_rate"] == 0.02
    assert fitted.score(X, y) > 0.95
    assert not hasattr(fitted, "predict_proba")


def test_it_works_in_a_pipeline_and_under_cross_validation() -> None:
    X, y = rows()
    scores = cross_val_score(make_pipeline(MinMaxScaler(), regressor()), X, y, cv=3)
    assert scores.min() > 0.8


def test_whole_numbers_are_quantities_too() -> None:
    X, _ = rows()
    stars = np.clip(np.round(3 + X[:, 0]), 1, 5).astype(int)
    found = regressor().fit(X, stars).predict(X)
    assert found.dtype == np.float64
    assert not np.array_equal(found, np.round(found))


def test_the_space_may_name_objective_and_loss(tmp_path: Any) -> None:
    X, y = rows()
    space = {**SPACE, "objective": "r2", "parameters": {**SPACE["parameters"], "loss": "huber"}}
    fitted = regressor(space=space).fit(X, y)
    assert fitted.best_score_ == max(fitted.trials_["val_r2"].to_pylist())
    assert fitted.best_params_["loss"] == "huber"
    joblib.dump(fitted, tmp_path / "fitted")
    assert np.array_equal(joblib.load(tmp_path / "fitted").predict(X), fitted.predict(X))


def test_frames_may_hold_text_and_gaps() -> None:
    frames = pytest.importorskip("pandas")
    X, _ = rows()
    frame = frames.DataFrame({"size": X[:, 1], "plan": np.where(X[:, 0] > 0, "plus", "minus")})
    price = frames.Series(np.where(X[:, 0] > 0, 200.0, 100.0), name="price")
    fitted = regressor().fit(frame, price)
    found = fitted.predict(frames.DataFrame({"size": [None, 0.1], "plan": ["plus", "minus"]}))
    assert found == pytest.approx([200, 100], abs=20)


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        (np.full(30, 2.5), {}, "must hold different numbers"),
        (
            np.array(["a", "b", "c"] * 10),
            {},
            "found the text 'a'. Give another `y`, or learn classes with an FCSearchCl",
        ),
        (["1.5", "high", "2"] * 10, {}, "found the text 'high'"),
        (np.arange(30.0), {"space": {**SPACE, "objective": "accuracy"}}, "the objective of a regression must be one"),
        (np.arange(30.0), {"validation_fraction": 0}, "validation_fraction must lie between 0 and 1"),
    ],
)
def test_what_cannot_be_learned_is_a_value_error(y: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        regressor(**options).fit(rows(30)[0], y)


def test_a_space_of_classes_says_how_another_is_given() -> None:
    with pytest.raises(ValueError, match=r"with `parameters\.loss: squared` in a dict or YAML file as `space`, or"):
        regressor(space="full").fit(*rows(60))
