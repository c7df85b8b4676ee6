"""A network in use: from rows of a table or an array to probabilities and classes."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fcsearch.data.sources.memory import match_memory
from fcsearch.data.transform import FeatureTransform
from fcsearch.nn import FullyConnectedNet

# Rows scored at a time: a large table must not need memory for all its hidden layers at once.
_ROWS = 4096


@dataclasses.dataclass(frozen=True)
class Model:
    """A network, and what makes its features; it needs no file, and can be pickled.

    Attributes:
        network: On the CPU. It computes in float64, where a row has the same scores in any company.
        transform: What the training rows made.
    """

    network: FullyConnectedNet
    transform: FeatureTransform

    @classmethod
    def of(cls, network: FullyConnectedNet, transform: FeatureTransform) -> Model:
        """A model of a network that stays as it is."""
        params = {name: tensor.double() for name, tensor in network.params.items()}
        return cls(FullyConnectedNet.from_params(params, network.settings), transform)

    @cached_property
    def classes(self) -> npt.NDArray[Any]:
        """(C,) the classes: whole numbers where all their names are, truth values likewise, else text."""
        names = self.transform.class_names
        if set(names) <= {"true", "false"}:
            return np.array([name == "true" for name in names])
        if all(name.removeprefix("-").isdecimal() and str(int(name)) == name for name in names):
            return np.array([int(name) for name in names])
        return np.array(names)

    def probabilities(self, X: Any) -> npt.NDArray[np.float64]:
        """(N, C) the probability of each class, rows adding up to 1: the softmax of the scores.

        Args:
            X: A table with the columns of the training rows, in any order, or an array (N, ...) if they were one.

        Raises:
            DataError: columns that are missing or hold something else than in training.
        """
        features = match_memory(self.transform, X)
        parts = [self._probabilities(features[start : start + _ROWS]) for start in range(0, len(features), _ROWS)]
        return np.concatenate(parts)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """(N,) the likeliest class of each row; arguments and errors as `probabilities`."""
        found: npt.NDArray[Any] = self.classes[self.probabilities(X).argmax(axis=1)]
        return found

    def _probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        found: npt.NDArray[np.float64] = torch.softmax(self.network.loss(torch.from_numpy(features)), dim=1).numpy()
        return found
