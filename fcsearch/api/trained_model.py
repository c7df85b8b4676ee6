"""Networks in use: from rows of a table or an array to probabilities and classes."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.data.labels import is_boolean, is_integer
from fcsearch.data.sources.in_memory import match_memory
from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import UsageError
from fcsearch.inference.predictor import Predictor
from fcsearch.nn import FullyConnectedNet


@dataclasses.dataclass(frozen=True)
class Model:
    """Networks, and what makes their features; it needs no file, and can be pickled.

    Attributes:
        predictor: The networks, on the CPU. They compute in float64, where a row has the same scores in any company.
    """

    predictor: Predictor

    @classmethod
    def of(cls, predictor: Predictor) -> Model:
        """A model of networks that stay as they are."""
        members = tuple(dataclasses.replace(member, network=_exact(member.network)) for member in predictor.members)
        return cls(dataclasses.replace(predictor, members=members))

    @property
    def transform(self) -> FeatureTransform:
        """What the training rows made."""
        return self.predictor.transform

    @property
    def temperature(self) -> float:
        """What scores of classes are divided by before their softmax."""
        return self.predictor.temperature

    @cached_property
    def classes(self) -> npt.NDArray[Any]:
        """(C,) the classes: integers if all their names are, likewise booleans, else text."""
        names = self.transform.class_names
        if all(map(is_boolean, names)):
            return np.array([name == "true" for name in names])
        if all(map(is_integer, names)):
            return np.array([int(name) for name in names])
        return np.array(names)

    def probabilities(self, X: Any) -> npt.NDArray[np.float64]:
        """(N, C) the probability of each class: the softmax of the scores divided by the temperature; rows add up to 1.

        Args:
            X: A table with the columns of the training rows, in any order, or an array (N, ...) if they were one.

        Raises:
            DataError: columns that are missing or hold something else than in training.
            UsageError: the model is a regression's.
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
        return self.predictor.values(match_memory(self.transform, X).X)


def _exact(network: FullyConnectedNet) -> FullyConnectedNet:
    params = {name: tensor.double() for name, tensor in network.params.items()}
    return FullyConnectedNet.from_params(params, network.settings)
