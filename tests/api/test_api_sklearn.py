"""The estimators in scikit-learn's hands."""

from pathlib import Path
from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from fcsearch import FCSearchClassifier, FCSearchRegressor

SPACE: dict[str, Any] = {
    "parameters": {
        "learning_rate": {"choices": [0.003, 0.01]},
        "update_rule": "adam",
        "epochs": 20,
        "hidden_dim": 32,
        "batch_size": 16,
    }
}


# Weights are of the loss alone; what they ask for is in docs/python.md.
REPEATED = dict.fromkeys(
    ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data"),
    "a row that stands twice is split off and drawn twice",
)
CHOSEN = {"check_class_weight_classifiers": "the network is chosen by what the objective says of rows that count alike"}
EXPECTED = {FCSearchClassifier: {**REPEATED, **CHOSEN}, FCSearchRegressor: REPEATED}


@parametrize_with_checks(
    [
        FCSearchClassifier(space=SPACE, trials=2, random_state=0),
        FCSearchRegressor(space=SPACE, trials=2, random_state=0),
    ],
    expected_failed_checks=lambda estimator: EXPECTED[type(estimator)],
)
def test_the_estimators_are_ones_by_scikit_learns_checks(
    estimator: Any, check: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # scikit-learn leaves files there until the program ends.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    check(estimator)
