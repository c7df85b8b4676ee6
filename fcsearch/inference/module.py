"""A predictor as a torch module: from raw rows to predictions, in operations that torch can export."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fcsearch.data.joint_transform import parts_of
from fcsearch.data.transform import FeatureTransform
from fcsearch.inference.encoders import encoder_module, keep
from fcsearch.inference.exported import LABEL, PROBABILITIES
from fcsearch.inference.outputs import PREDICTION
from fcsearch.inference.predictor import Predictor
from fcsearch.nn import FullyConnectedNet
from fcsearch.nn.activations import ACTIVATIONS
from fcsearch.nn.embedding import EMBEDDING_NAMES, PeriodicEmbedding
from fcsearch.nn.layers import Linear

_FLOATS = {"float32": torch.float32, "float64": torch.float64}


class Features(nn.Module):
    """What `FeatureTransform.apply` does: from a raw matrix (N, R), or images (N, ...), to features (N, D) float32."""

    places: Tensor
    fill: Tensor | None

    def __init__(self, transform: FeatureTransform) -> None:
        super().__init__()
        layout = transform.layout
        self._dtype = _FLOATS[transform.dtype]
        self._whole = not layout.categories
        self._categories = [(place, len(categories), float(fill)) for place, categories, fill in layout.categories]
        # Without numbers there are no buffers: torch.export does not save empty ones.
        self._encode = None if layout.encoder is None else encoder_module(layout.encoder)
        if self._encode is not None:
            keep(self, places=layout.places, fill=layout.fill)

    def forward(self, x: Tensor) -> Tensor:
        """Encode raw rows."""
        raw = x.flatten(1).to(self._dtype)
        parts = [] if self._encode is None else [self._encode(self._numbers(raw)).to(torch.float32)]
        for place, count, fill in self._categories:
            column = raw[:, place : place + 1]
            codes = torch.where(torch.isnan(column), fill, column)
            parts.append((codes == torch.arange(count, dtype=self._dtype)).to(torch.float32))
        return torch.cat(parts, dim=1)

    def _numbers(self, raw: Tensor) -> Tensor:
        numbers = raw if self._whole else raw.index_select(1, self.places)
        return numbers if self.fill is None else torch.where(torch.isnan(numbers), self.fill, numbers)


class Scores(nn.Module):
    """One network in test mode: from features (N, D) to scores (N, C)."""

    def __init__(self, network: FullyConnectedNet) -> None:
        super().__init__()
        self._depth = network.depth
        self._embeds = network.embedding is not None
        self._activation = ACTIVATIONS[network.activation]
        for name, values in network.params.items():
            # A copy: for a view, torch.export would save the whole tensor behind it.
            self.register_buffer(name, values.detach().clone(memory_format=torch.contiguous_format))

    def forward(self, features: Tensor) -> Tensor:
        """Score features."""
        hidden = features
        if self._embeds:
            hidden, _ = PeriodicEmbedding.forward(hidden, *map(self.get_buffer, EMBEDDING_NAMES))
        for layer in range(1, self._depth + 1):
            hidden, _ = Linear.forward(hidden, self.get_buffer(f"W{layer}"), self.get_buffer(f"b{layer}"))
            if layer < self._depth:
                hidden, _ = self._activation.forward(hidden)
        return hidden


class PredictorModule(nn.Module):
    """A predictor, from raw rows.

    It returns `label`, the index of the class (N,) int64, and `probabilities` (N, C) float32; for a regression
    `prediction` (N,) float64, in the unit of the target.
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.features = nn.ModuleList(map(Features, parts_of(predictor.transform)))
        self.members = nn.ModuleList(Scores(member.network) for member in predictor.members)
        self._parts = [member.part for member in predictor.members]
        self._weights = [member.weight for member in predictor.members]
        self._target = predictor.transform.target
        self._temperature = predictor.temperature

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Predict raw rows."""
        features = [make(x) for make in self.features]
        parts = [
            weight * self._values(member(features[part]).double())
            for weight, member, part in zip(self._weights, self.members, self._parts, strict=True)
        ]
        values = torch.stack(parts).sum(dim=0)
        if self._target is not None:
            return {PREDICTION: values.squeeze(1)}
        if self._temperature != 1:
            values = torch.softmax(values.log() / self._temperature, dim=1)
        return {LABEL: values.argmax(dim=1), PROBABILITIES: values.to(torch.float32)}

    def _values(self, scores: Tensor) -> Tensor:
        """The values that `ClassOutput` and `TargetOutput` compute from scores."""
        if self._target is not None:
            return scores * self._target.scale + self._target.offset
        return torch.softmax(scores, dim=1)
