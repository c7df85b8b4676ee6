"""scikit-learn's MLP and a scorer that write down what scikit-learn's searches forget: times, and test scores.

A module of its own, so that joblib's processes import it.
"""

from __future__ import annotations

import functools
import json
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from peers.improvements import Improvements
from sklearn.neural_network import MLPClassifier, MLPRegressor


class RecordedMLP:
    """Remembers when its training began."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Any:
        """Train."""
        self.began_ = time.time()
        with warnings.catch_warnings():
            # That it has not converged after so many epochs is as it should be.
            warnings.simplefilter("ignore")
            return super().fit(X, y)  # type: ignore[misc]  # of the net that this is mixed into


class RecordedClassifier(RecordedMLP, MLPClassifier):  # type: ignore[misc]  # scikit-learn has no types
    """Of classes."""


class RecordedRegressor(RecordedMLP, MLPRegressor):  # type: ignore[misc]  # scikit-learn has no types
    """Of numbers."""


class Recorder:
    """Scores a net, and writes down when it was trained: the searches keep no clock.

    Args:
        path: Where to.
        arrays: Of a Task.
        trace: Where improvements go.
    """

    def __init__(self, path: Path, arrays: Mapping[str, np.ndarray], trace: Path | None) -> None:
        self._path, self._trace = path, trace
        self._X, self._y, self._scale = arrays["X_test"], arrays["y_test"], float(arrays["target_scale"])

    def __call__(self, net: Any, X: np.ndarray, y: np.ndarray) -> float:
        """Score on the validation rows: accuracy, or minus the RMSE in the target's unit."""
        score = self._score(net, X, y)
        line = json.dumps([net.began_, time.time(), score])
        with self._path.open("a") as file:
            file.write(line + "\n")
        _improvements(self._trace).offer(score, lambda: self._score(net, self._X, self._y))
        return score

    def _score(self, net: Any, X: np.ndarray, y: np.ndarray) -> float:
        predicted = net.predict(X)
        if isinstance(net, MLPRegressor):
            return -self._scale * float(np.sqrt(np.mean((predicted - y) ** 2)))
        return float(np.mean(predicted == y))


@functools.cache
def _improvements(trace: Path | None) -> Improvements:
    """Those of a process: a scorer is copied into it with every net."""
    return Improvements(trace)
