"""The estimators in scikit-learn's hands."""

from __future__ import annotations

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


@parametrize_with_checks(
    [
        FCSearchClassifier(space=SPACE, trials=2, random_state=0),
        FCSearchRegressor(space=SPACE, trials=2, random_state=0),
    ]
)
def test_the_estimators_are_ones_by_scikit_learns_checks(
    estimator: Any, check: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # scikit-learn leaves files there until the program ends.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    check(estimator)
