"""The estimators in scikit-learn's hands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from fcsearch import FCSearchClassifier

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
EXPECTED = {
    "check_class_weight_classifiers": "the network is chosen by what the objective says of rows that count alike",
    "check_sample_weight_equivalence_on_dense_data": "a row that stands twice is split off and drawn twice",
}


@parametrize_with_checks(
    [FCSearchClassifier(space=SPACE, trials=2, random_state=0)], expected_failed_checks=lambda _: EXPECTED
)
def test_the_classifier_is_one_by_scikit_learns_checks(
    estimator: Any, check: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # scikit-learn leaves files there until the program ends.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    check(estimator)
