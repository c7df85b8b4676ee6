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
from fcsearch.errors import UsageError
from fcsearch.inference.outputs import output_of, tempered
from fcsearch.nn import FullyConnectedNet

# Rows scored at a time: a large table must not need memory for all its hidden layers at once.
_ROWS = 4096


@dataclasses.dataclass(frozen=True)
class Model:
    """A network, and what makes its features; it needs no file, and can be pickled.

    Attributes:
        network: On the CPU. It computes in float64, where a row has the same scores in any company.
        transform: What the training rows made.
        temperature: What scores of classes are divided by before their softmax.
    """

    network: FullyConnectedNet
    transform: FeatureTransform
    temperature: float = 1.0

    @classmethod
    def of(cls, network: FullyConnectedNet, transform: FeatureTransform, temperature: float = 1.0) -> Model:
        """A model of a network that stays as it is."""
        params = {name: tensor.double() for name, tensor in network.params.items()}
        return cls(FullyConnectedNet.from_params(params, network.settings), transform, temperature)

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
        """(N, C) the probability of each class, rows adding up to 1: the softmax of the scores, by the temperature.

        Args:
            X: A table with the columns of the training rows, in any order, or an array (N, ...) if they were one.

        Raises:
            DataError: columns that are missing or hold something else than in training.
            UsageError: the network is a regression's.
        """
        if self.transform.target is not None:
            raise UsageError("a regression has no classes; use predict")
        return self._values(X)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """(N,) the likeliest class of each row, or a regression's target; argument and errors as `probabilities`."""
        if self.transform.target is not None:
            return self._values(X)[:, 0]
        found: npt.NDArray[Any] = self.classes[self._values(X).argmax(axis=1)]
        return found

    def _values(self, X: Any) -> npt.NDArray[np.float64]:
        output, features = output_of(self.network, self.transform), match_memory(self.transform, X)
        starts = range(0, len(features), _ROWS)
        parts = [
            output.values(self.network.loss(torch.from_numpy(features[start : start + _ROWS]))) for start in starts
        ]
        return tempered(np.concatenate(parts), self.temperature)
