"""From a network's scores to predictions: the one place that knows what scores mean."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from fcsearch.data.transform import FeatureTransform, TargetScale
from fcsearch.errors import ConfigError
from fcsearch.nn import FullyConnectedNet
from fcsearch.nn.losses import REGRESSION_LOSSES

PREDICTION = "prediction"


@dataclasses.dataclass(frozen=True)
class ClassOutput:
    """Scores of classes: their softmax gives probabilities, and the highest one is the prediction.

    Attributes:
        names: Name of each class.
    """

    names: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `table`."""
        return (PREDICTION, *(f"probability_{name}" for name in self.names))

    def values(self, scores: torch.Tensor) -> npt.NDArray[np.float64]:
        """From one network's scores (N, C) to its probabilities (N, C), which can be averaged over networks.

        They are computed in float64, so that different scores stay different.
        """
        found: npt.NDArray[np.float64] = torch.softmax(scores.double(), dim=1).numpy()
        return found

    def difference(self, wanted: npt.NDArray[np.float64], found: npt.NDArray[Any]) -> float:
        """The largest difference of a probability; arrays (N, C)."""
        return float(np.abs(wanted - found).max())

    def table(self, values: npt.NDArray[np.float64]) -> pa.Table:
        """From probabilities (N, C) to the columns `prediction` and `probability_<class>`."""
        predicted = pa.array(self.names, pa.string()).take(pa.array(values.argmax(axis=1)))
        return pa.table([predicted, *(pa.array(column) for column in values.astype(np.float32).T)], list(self.columns))


@dataclasses.dataclass(frozen=True)
class TargetOutput:
    """The score of a regression: its standardised target.

    Attributes:
        scale: How the target was standardised.
    """

    scale: TargetScale
    columns: tuple[str, ...] = (PREDICTION,)

    def values(self, scores: torch.Tensor) -> npt.NDArray[np.float64]:
        """From one network's scores (N, 1) to targets (N, 1) in their own unit."""
        found: npt.NDArray[np.float64] = scores.double().numpy() * self.scale.scale + self.scale.offset
        return found

    def difference(self, wanted: npt.NDArray[np.float64], found: npt.NDArray[Any]) -> float:
        """The largest difference of a prediction in standard deviations of the training targets; arrays (N, 1).

        Beyond one deviation from their mean it is relative: a network that computes in float32 is no more exact.
        """
        reach = np.maximum(self.scale.scale, np.abs(wanted - self.scale.offset))
        return float((np.abs(wanted - found) / reach).max())

    def table(self, values: npt.NDArray[np.float64]) -> pa.Table:
        """From targets (N, 1) to the column `prediction`."""
        return pa.table([pa.array(values[:, 0])], list(self.columns))


def tempered(probabilities: npt.NDArray[np.float64], temperature: float) -> npt.NDArray[np.float64]:
    """Probabilities (N, C) after their scores are divided by a temperature; the highest stays the highest."""
    if temperature == 1:
        return probabilities
    powers = (probabilities / probabilities.max(axis=1, keepdims=True)) ** (1 / temperature)
    found: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return found


def output_of(network: FullyConnectedNet, transform: FeatureTransform) -> ClassOutput | TargetOutput:
    """What a network's scores mean.

    Raises:
        ConfigError: the network has a different number of outputs than the transform has classes.
    """
    if transform.target is not None:
        return TargetOutput(transform.target)
    if network.loss_name in REGRESSION_LOSSES or network.num_classes != len(transform.class_names):
        raise ConfigError(
            f"a network must have an output for each of its {len(transform.class_names)} classes; found "
            f"{network.num_classes} and the loss {network.loss_name}. Use the fcsearch that wrote the model."
        )
    return ClassOutput(transform.class_names)
