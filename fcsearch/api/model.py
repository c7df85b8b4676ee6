"""A network that predicts: from rows of a table or an array to probabilities and classes."""

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

# Rows scored at a time, so that a large table does not need memory for all its hidden units at once.
_ROWS = 4096


@dataclasses.dataclass(frozen=True)
class Model:
    """A network and its feature transform; it needs no file, and can be pickled.

    Attributes:
        network: On the CPU. It computes in float64, so that a row's scores do not depend on the rows beside it.
        transform: Fitted on the training rows.
        temperature: The number by which scores of classes are divided before the softmax.
    """

    network: FullyConnectedNet
    transform: FeatureTransform
    temperature: float = 1.0

    @classmethod
    def of(cls, network: FullyConnectedNet, transform: FeatureTransform, temperature: float = 1.0) -> Model:
        """A model of a copy of a network."""
        params = {name: tensor.double() for name, tensor in network.params.items()}
        return cls(FullyConnectedNet.from_params(params, network.settings), transform, temperature)

    @cached_property
    def classes(self) -> npt.NDArray[Any]:
        """(C,) the classes: integers if all their names are, likewise booleans, else text."""
        names = self.transform.class_names
        if set(names) <= {"true", "false"}:
            return np.array([name == "true" for name in names])
        if all(name.removeprefix("-").isdecimal() and str(int(name)) == name for name in names):
            return np.array([int(name) for name in names])
        return np.array(names)

    def probabilities(self, X: Any) -> npt.NDArray[np.float64]:
        """(N, C) the probability of each class: the softmax of the scores divided by the temperature; rows add up to 1.

        Args:
            X: A table with the columns of the training rows, in any order, or an array (N, ...) if they were one.

        Raises:
            DataError: columns that are missing or differ in kind from those in training.
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
