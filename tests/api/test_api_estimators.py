"""The classifier as people use it: with frames, in pipelines, pickled."""

import re
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

from fcsearch import FCSearchClassifier

SPACE: dict[str, Any] = {
    "parameters": {
        "learning_rate": {"choices": [0.003, 0.01]},
        "update_rule": "adam",
        "epochs": 20,
        "hidden_dim": 16,
        "batch_size": 16,
    }
}


def classifier(**options: Any) -> FCSearchClassifier:
    return FCSearchClassifier(**{"space": SPACE, "trials": 2, "random_state": 0, **options})


def rows(count: int = 200) -> tuple[Any, Any]:
    """Two numbers of which the first tells the classes apart."""
    random = np.random.default_rng(0)
    X = random.normal(size=(count, 2))
    return X, np.where(X[:, 0] > 0, "above", "below")


def test_it_works_in_a_pipeline_and_under_cross_validation() -> None:
    X, y = rows()
    scores = cross_val_score(make_pipeline(MinMaxScaler(), classifier()), X, y, cv=3)
    assert scores.min() > 0.85


def test_a_fitted_estimator_is_pickled_whole_and_leaves_no_file(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    X, y = rows()
    fitted = classifier().fit(X, y)
    assert list(tmp_path.iterdir()) == []
    joblib.dump(fitted, tmp_path / "fitted")
    again = joblib.load(tmp_path / "fitted")
    assert np.array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert again.best_score_ == max(fitted.trials_["val_accuracy"].to_pylist())
    assert again.best_params_["learning_rate"] in (0.003, 0.01)


@pytest.mark.parametrize("layers", [{"depth": 3, "hidden_dim": 4}, {"hidden_dims": [5, 3]}, {"depth": 1}])
def test_its_best_parameters_apply_and_give_its_network_again(layers: dict[str, Any]) -> None:
    X, y = rows()
    others = {name: value for name, value in SPACE["parameters"].items() if name != "hidden_dim"}
    space = {"parameters": {**others, **layers}}
    fitted = classifier(space=space).fit(X, y)
    assert None not in fitted.best_params_.values()
    assert len(fitted.best_params_.keys() & {"hidden_dims", "hidden_dim"}) == 1
    again = classifier(space={"parameters": fitted.best_params_}, trials=1).fit(X, y)
    assert again.best_params_ == fitted.best_params_
    assert again.best_score_ == fitted.best_score_


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_may_hold_text_and_gaps(library: str) -> None:
    frames = pytest.importorskip(library)
    X, y = rows()
    frame = frames.DataFrame({"size": X[:, 1].tolist(), "sign": np.where(X[:, 0] > 0, "plus", "minus").tolist()})
    gaps = frames.DataFrame({"size": [None, 0.1], "sign": ["plus", "never seen"]})
    fitted = classifier().fit(frame, y)
    assert fitted.score(frame, y) > 0.95
    assert fitted.predict(gaps)[0] == "above"
    assert list(fitted.feature_names_in_) == ["size", "sign"]


def test_numbers_may_be_missing() -> None:
    X, y = rows()
    X[::7, 1] = np.nan
    assert classifier().fit(X, y).score(X, y) > 0.85


def test_labels_come_back_in_their_own_type() -> None:
    X, y = rows()
    for classes in (np.array([3, 7]), np.array([1.5, 2.0]) * 2, np.array([True, False]), np.array(["1", "2"])):
        labels = classes[(y == "above").astype(int)]
        found = classifier(trials=1).fit(X, labels).predict(X)
        assert found.dtype == labels.dtype
        assert (found == labels).mean() > 0.85


def test_classes_may_count_differently_by_the_names_that_they_have() -> None:
    X, y = rows()
    y = np.where(X[:, 0] + np.random.default_rng(1).normal(size=len(X)) > 0.5, "above", "below")
    options = {"trials": 1, "space": {**SPACE, "objective": "balanced_accuracy"}}
    plain, balanced, other = (
        classifier(**options, class_weight=weight).fit(X, y) for weight in (None, "balanced", {"above": 0.01})
    )
    often = [(fitted.predict(X) == "above").mean() for fitted in (other, plain, balanced)]
    assert often[0] < often[1] < often[2]
    in_the_space = classifier(trials=1, space={**options["space"], "class_weight": {"above": 0.01}}).fit(X, y)
    assert np.array_equal(in_the_space.predict_proba(X), other.predict_proba(X))
    numbered = classifier(**options, class_weight={7: 0.01}).fit(X, np.where(y == "above", 7, 8))
    assert np.array_equal(numbered.predict_proba(X), other.predict_proba(X))


def test_rows_may_count_differently() -> None:
    X, y = rows()
    plain, alike, weighted = (
        classifier(trials=1).fit(X, y, sample_weight=weights) for weights in (None, np.full(200, 3), np.arange(200))
    )
    assert np.allclose(alike.predict_proba(X), plain.predict_proba(X))
    assert not np.allclose(weighted.predict_proba(X), plain.predict_proba(X), atol=1e-3)


def test_processes_find_what_this_process_finds() -> None:
    X, y = rows()
    here, there = (classifier(pool=pool, workers=1).fit(X, y) for pool in ("inline", "local"))
    assert np.allclose(here.predict_proba(X), there.predict_proba(X))


def test_with_folds_every_row_validates_and_the_network_learns_all_of_them() -> None:
    X, y = rows(90)
    fitted = classifier(folds=3).fit(X, y)
    best = max(fitted.trials_.to_pylist(), key=lambda row: row["val_accuracy"])
    assert fitted.best_score_ == best["val_accuracy"]
    assert best["val_standard_error"] is not None
    assert fitted.score(X, y) > 0.9
    assert cross_val_score(classifier(folds=2, trials=1), X, y, cv=2).mean() > 0.8


@pytest.mark.parametrize(
    ("options", "folds"),
    [
        ({}, True),
        ({"validation_fraction": 0.2}, False),
        ({"folds": 1}, False),
        ({"validation_fraction": 0.2, "folds": 2}, True),
    ],
)
def test_the_default_space_for_few_rows_has_folds_unless_told_otherwise(options: dict[str, Any], folds: bool) -> None:
    fitted = classifier(space=None, trials=1, **options).fit(*rows(60))
    [row] = fitted.trials_.to_pylist()
    # A parameter that `default` does not search.
    assert row["preprocessing"] in ("standardize", "quantile", "piecewise")
    assert (row["val_standard_error"] is not None) == folds


def test_the_best_trials_predict_together_unless_told_otherwise() -> None:
    X, y = rows()
    noisy = np.where(np.random.default_rng(1).random(len(y)) < 0.3, "above", y)
    together, alone = (classifier(trials=8, ensemble=ensemble).fit(X, noisy) for ensemble in (True, False))
    assert len(together.model_.predictor.members) > 1 == len(alone.model_.predictor.members)
    assert together.best_score_ == alone.best_score_


@pytest.mark.parametrize("left_out", ["refit of the ensemble", "refit"])
def test_without_time_for_refits_no_ensemble_of_single_folds_predicts(left_out: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("fcsearch.search.loop.refitting.out_of_time", lambda *given: given[-1].startswith(left_out))
    X, y = rows(90)
    noisy = np.where(np.random.default_rng(1).random(len(y)) < 0.3, "above", y)
    found = classifier(trials=6, folds=2, time_budget=600)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found.fit(X, noisy)
    assert len(found.model_.predictor.members) == 1
    said = [str(warning.message) for warning in caught if "trained on all rows" in str(warning.message)]
    assert len(said) == (left_out == "refit")
    assert all("longer time_budget" in text for text in said)


def test_the_objective_of_the_argument_goes_before_that_of_the_space() -> None:
    X, y = rows()
    by_space = classifier(space={**SPACE, "objective": "log_loss"}).fit(X, y)
    by_argument = classifier(space={**SPACE, "objective": "roc_auc"}, objective="log_loss").fit(X, y)
    assert by_argument.best_score_ == by_space.best_score_ == min(by_argument.trials_["val_log_loss"].to_pylist())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": "no_such_space"}, "no space called"),
        ({"space": {"parameters": {"epochs": -1}}}, "epochs must be"),
        ({"trials": 0}, "`trials` must be an integer of at least 1"),
        ({"pool": "dask"}, "`pool` must be one of"),
        ({"objective": "roc"}, "`objective` must be one of accuracy, .*; found 'roc'; did you mean 'roc_auc'"),
        ({"objective": ["roc_auc"]}, "`objective` must be one of"),
        ({"objective": "rmse"}, "the objective of a classification must be one of"),
        ({"validation_fraction": 1.5}, "validation_fraction must lie between 0 and 1"),
        ({"folds": 21}, "folds must be an integer from 2 to 20, 1 for one split, or auto; found 21"),
        ({"class_weight": {"abov": 2}}, "names? classes of the label .*; found 'abov'. Did you mean 'above'"),
        ({"class_weight": "even"}, "class_weight must be balanced, or"),
    ],
)
def test_arguments_that_cannot_be_used_are_value_errors(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        classifier(**options).fit(*rows(30))


def test_columns_of_text_do_not_fit_a_model_of_numbers() -> None:
    frames = pytest.importorskip("pandas")
    X, y = rows()
    fitted = classifier(trials=1).fit(frames.DataFrame(X, columns=["a", "b"]), y)
    with pytest.raises(ValueError, match="must hold numbers"):
        fitted.predict(frames.DataFrame({"a": ["x"], "b": ["y"]}))


@pytest.mark.parametrize("kind", [object, str])
def test_an_array_of_text_in_a_table_s_place_is_told_the_columns(kind: type) -> None:
    X, y = rows(60)
    frame = pd.DataFrame({"size": X[:, 1], "plan": np.where(X[:, 0] > 0, "plus", "minus")})
    array = frame.to_numpy().astype(kind)
    said = f"an array X must hold numbers; found the text {str(array[0, 1])!r}. Give a table, such as a DataFrame"
    columns = ", with the columns that fit learned: 'size', 'plan'"
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        classifier(trials=1).fit(array, y)
    fitted = classifier(trials=1).fit(frame, y)
    with pytest.raises(ValueError, match=f"^{re.escape(said + columns)}$"):
        fitted.predict(array)
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        fitted.fit(array, y)


def test_transformers_of_columns_go_before_it() -> None:
    frames = pytest.importorskip("pandas")
    X, y = rows()
    steps = make_column_transformer((MinMaxScaler(), ["a"]), remainder="drop")
    fitted = make_pipeline(steps, classifier()).fit(frames.DataFrame(X, columns=["a", "b"]), y)
    assert fitted.score(frames.DataFrame(X, columns=["a", "b"]), y) > 0.85


def test_a_single_class_and_missing_labels_are_said_as_they_were_given() -> None:
    X, y = rows(60)
    with pytest.raises(ValueError, match="at least 2 classes to tell apart; found only 'a' in every row"):
        classifier().fit(X, ["a"] * 60)
    frame = pd.DataFrame(X, columns=["a", "b"])
    labels = y.astype(object)
    labels[:7] = np.nan
    for given in (labels, pd.Series(labels), pd.Series(labels, dtype="string"), pd.Series(labels, dtype="category")):
        with pytest.raises(ValueError, match="found 7 missing labels"):
            classifier().fit(frame, given)
    with pytest.raises(ValueError, match="found 3 missing labels"):
        classifier().fit(frame, np.array([np.nan] * 3 + [0.0, 1.0, 1.0] * 19))


def test_quantities_lead_to_the_regressor() -> None:
    with pytest.raises(ValueError, match=r"^Unknown label type: .*\. To predict numbers, take an FCSearchRegressor\.$"):
        classifier().fit(rows(60)[0], np.linspace(0, 1, 60))


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
def test_sparse_rows_are_read_as_dense_ones(kind: Any) -> None:
    X, y = rows(60)
    X[X < -0.5] = 0
    dense, made = classifier().fit(X, y), classifier().fit(kind(X), y)
    np.testing.assert_array_equal(made.predict_proba(kind(X)), dense.predict_proba(X))
    assert made.n_features_in_ == 2


def test_categories_of_an_encoder_may_stay_sparse() -> None:
    X, y = rows(120)
    frame = pd.DataFrame(X, columns=["a", "b"]).assign(city=[f"city {row % 40}" for row in range(120)])
    encoder = make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough", sparse_threshold=1.0)
    assert sparse.issparse(encoder.fit_transform(frame))
    assert make_pipeline(encoder, classifier()).fit(frame, y).score(frame, y) > 0.6


def test_a_sparse_matrix_that_memory_does_not_hold_is_refused() -> None:
    wide = sparse.csr_matrix((10**6, 10**7))
    with pytest.raises(
        ValueError, match=r"a sparse matrix of 1,000,000 x 10,000,000, for which 240,000.0 GB are needed"
    ):
        classifier().fit(wide, np.arange(10**6) % 2)


def test_dates_as_text_are_no_identifier() -> None:
    X, y = rows(60)
    frame = pd.DataFrame({"day": [f"2026-01-{1 + row % 28:02}" for row in range(60)], "a": X[:, 0]})
    with pytest.raises(ValueError, match=r"column 'day' .* found dates or times") as caught:
        classifier().fit(frame, y)
    assert 'X.drop(columns=["day"])' in str(caught.value)
    assert "--set" not in str(caught.value)
