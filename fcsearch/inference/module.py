"""A predictor as a torch module: from raw rows to predictions, in operations that torch can export."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor, nn

from fcsearch.data.transform import FeatureTransform
from fcsearch.inference.exported import LABEL, PROBABILITIES
from fcsearch.inference.outputs import PREDICTION
from fcsearch.inference.predictor import Predictor
from fcsearch.nn import FullyConnectedNet
from fcsearch.nn.activations import ACTIVATIONS
from fcsearch.nn.layers import Linear

_FLOATS = {"float32": torch.float32, "float64": torch.float64}


class Features(nn.Module):
    """What `FeatureTransform.apply` does: from a raw matrix (N, R), or images (N, ...), to features (N, D) float32."""

    places: Tensor
    offset: Tensor
    divisor: Tensor | None
    factor: Tensor
    fill: Tensor | None

    def __init__(self, transform: FeatureTransform) -> None:
        super().__init__()
        layout = transform.layout
        self._dtype = _FLOATS[transform.dtype]
        self._whole = not layout.categories
        self._categories = [(place, len(categories), float(fill)) for place, categories, fill in layout.categories]
        # Without numbers there are no buffers: torch.export saves no empty ones.
        self._numbers = layout.numbers > 0
        for name in ("places", "offset", "divisor", "factor", "fill") if self._numbers else ():
            values: npt.NDArray[Any] | None = getattr(layout, name)
            self.register_buffer(name, None if values is None else torch.from_numpy(values))

    def forward(self, x: Tensor) -> Tensor:
        """Encode raw rows."""
        raw = x.flatten(1).to(self._dtype)
        parts = [self._scale(raw)] if self._numbers else []
        for place, count, fill in self._categories:
            column = raw[:, place : place + 1]
            codes = torch.where(torch.isnan(column), fill, column)
            parts.append((codes == torch.arange(count, dtype=self._dtype)).to(torch.float32))
        return torch.cat(parts, dim=1)

    def _scale(self, raw: Tensor) -> Tensor:
        numbers = raw if self._whole else raw.index_select(1, self.places)
        if self.fill is not None:
            numbers = torch.where(torch.isnan(numbers), self.fill, numbers)
        numbers = numbers - self.offset
        if self.divisor is not None:
            numbers = numbers / self.divisor
        return (numbers * self.factor).to(torch.float32)


class Scores(nn.Module):
    """One network in test mode: from features (N, D) to scores (N, C)."""

    def __init__(self, network: FullyConnectedNet) -> None:
        super().__init__()
        self._depth = network.depth
        self._activation = ACTIVATIONS[network.activation]
        for name, values in network.params.items():
            # Of its own: a part of another tensor's memory makes torch.export save all of that.
            self.register_buffer(name, values.detach().clone(memory_format=torch.contiguous_format))

    def forward(self, features: Tensor) -> Tensor:
        """Score features."""
        hidden = features
        for layer in range(1, self._depth + 1):
            hidden, _ = Linear.forward(hidden, self.get_buffer(f"W{layer}"), self.get_buffer(f"b{layer}"))
            if layer < self._depth:
                hidden, _ = self._activation.forward(hidden)
        return hidden


class PredictorModule(nn.Module):
    """A predictor, from raw rows.

    It gives `label`, the place of the class (N,) int64, and `probabilities` (N, C) float32; of a regression
    `prediction` (N,) float64, in the unit of the target.
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.features = Features(predictor.transform)
        self.members = nn.ModuleList(Scores(member.network) for member in predictor.members)
        self._weights = [member.weight for member in predictor.members]
        self._target = predictor.transform.target

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Predict raw rows."""
        features = self.features(x)
        parts = [
            weight * self._values(member(features).double())
            for weight, member in zip(self._weights, self.members, strict=True)
        ]
        values = torch.stack(parts).sum(dim=0)
        if self._target is not None:
            return {PREDICTION: values.squeeze(1)}
        return {LABEL: values.argmax(dim=1), PROBABILITIES: values.to(torch.float32)}

    def _values(self, scores: Tensor) -> Tensor:
        """What `ClassOutput` and `TargetOutput` make of scores."""
        if self._target is not None:
            return scores * self._target.scale + self._target.offset
        return torch.softmax(scores, dim=1)
