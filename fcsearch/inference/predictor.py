"""One or more networks and their feature transform: from rows to predictions."""

from __future__ import annotations

import dataclasses
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from fcsearch.data.transform import FeatureTransform
from fcsearch.inference.outputs import ClassOutput, TargetOutput, output_of, tempered
from fcsearch.nn import FullyConnectedNet

# Rows scored at a time, so that a large part does not need memory for all its hidden units at once.
_ROWS = 4096


@dataclasses.dataclass(frozen=True)
class Member:
    """A network, and its weight among the others; the weights of a predictor add up to 1."""

    weight: float
    network: FullyConnectedNet


@dataclasses.dataclass(frozen=True)
class Predictor:
    """Networks that predict together: by the mean of their probabilities, or of a regression's predictions.

    Attributes:
        members: At least one.
        transform: Makes the features of all of them.
        temperature: That of the mean, as in `tempered`; 1 for a regression.
    """

    members: tuple[Member, ...]
    transform: FeatureTransform
    temperature: float = 1.0

    @cached_property
    def output(self) -> ClassOutput | TargetOutput:
        """What the scores mean."""
        return output_of(self.members[0].network, self.transform)

    def values(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """From features (N, D) to probabilities (N, C), or a regression's targets (N, 1)."""
        parts = [self._values(torch.from_numpy(X[start : start + _ROWS])) for start in range(0, len(X), _ROWS)]
        return np.concatenate(parts) if parts else np.empty((0, self.members[0].network.num_classes))

    def table(self, X: npt.NDArray[np.float32]) -> pa.Table:
        """From features (N, D) to the columns of predictions, N rows."""
        return self.output.table(self.values(X))

    def _values(self, X: torch.Tensor) -> npt.NDArray[np.float64]:
        first, *others = (member.weight * self.output.values(member.network.loss(X)) for member in self.members)
        return tempered(sum(others, first), self.temperature)
