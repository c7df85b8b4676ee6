"""One or more networks and their feature transform: from rows to predictions."""

from __future__ import annotations

import dataclasses
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from fcsearch.data.joint_transform import columns_of_parts
from fcsearch.data.transform import FeatureTransform
from fcsearch.inference.outputs import ClassOutput, TargetOutput, output_of, tempered
from fcsearch.nn import FullyConnectedNet
from fcsearch.nn.params import rows_at_a_time


@dataclasses.dataclass(frozen=True)
class Member:
    """A network, and its weight among the others; the weights of a predictor add up to 1.

    `part` says which of the transforms that the predictor's is made of makes its features.
    """

    weight: float
    network: FullyConnectedNet
    part: int = 0


@dataclasses.dataclass(frozen=True)
class Predictor:
    """Networks that predict together: by the mean of their probabilities, or of a regression's predictions.

    Attributes:
        members: At least one.
        transform: Makes the features of all of them: a joint one if they were trained on several forms of the rows.
        temperature: That of the mean, as in `tempered`; 1 for a regression.
    """

    members: tuple[Member, ...]
    transform: FeatureTransform
    temperature: float = 1.0

    @cached_property
    def output(self) -> ClassOutput | TargetOutput:
        """What the scores mean."""
        return output_of(self.members[0].network, self.transform)

    @cached_property
    def _columns(self) -> list[slice]:
        """Where the features of each member are."""
        parts = columns_of_parts(self.transform)
        return [parts[member.part] for member in self.members]

    def values(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """From features (N, D) to probabilities (N, C), or a regression's targets (N, 1)."""
        size = min(rows_at_a_time(member.network.params) for member in self.members)
        parts = [self._values(X[start : start + size]) for start in range(0, len(X), size)]
        return np.concatenate(parts) if parts else np.empty((0, self.members[0].network.num_classes))

    def table(self, X: npt.NDArray[np.float32]) -> pa.Table:
        """From features (N, D) to the columns of predictions, N rows."""
        return self.output.table(self.values(X))

    def _values(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        first, *others = (
            member.weight * self.output.values(member.network.loss(torch.from_numpy(np.ascontiguousarray(X[:, place]))))
            for member, place in zip(self.members, self._columns, strict=True)
        )
        return tempered(sum(others, first), self.temperature)
