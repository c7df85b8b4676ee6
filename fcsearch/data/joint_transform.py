"""Several transforms of the same columns as one, for an ensemble of networks trained on different forms."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.data.transform import FORMAT, FeatureTransform


@dataclasses.dataclass(frozen=True)
class JointTransform(FeatureTransform):
    """The features (N, D) of its own fields, followed by those of other transforms fitted on the same rows.

    Attributes:
        others: Transforms of the same columns, which differ only in their encodings.
    """

    others: tuple[FeatureTransform, ...] = ()

    @property
    def width(self) -> int:
        """Number of features D of all transforms together."""
        return sum(part.width for part in parts_of(self))

    def apply(self, raw: npt.NDArray[Any], rows: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.float32]:
        """As in `FeatureTransform`; the features of all transforms, side by side."""
        return np.concatenate([part.apply(raw, rows) for part in parts_of(self)], axis=1)

    def to_json(self) -> str:
        """Its parts, each as its own `to_json` writes it; `FeatureTransform.from_json` reads them one by one."""
        parts = [json.loads(part.to_json()) for part in parts_of(self)]
        return json.dumps({"format": FORMAT, "parts": parts}, allow_nan=False, ensure_ascii=False)


def parts_of(transform: FeatureTransform) -> tuple[FeatureTransform, ...]:
    """The transforms that a joint one is made of; any other is its own only part."""
    if not isinstance(transform, JointTransform):
        return (transform,)
    own = {field.name: getattr(transform, field.name) for field in dataclasses.fields(FeatureTransform)}
    return (FeatureTransform(**own), *transform.others)


def join_transforms(transforms: Sequence[FeatureTransform]) -> FeatureTransform:
    """One transform with the features of all of these, side by side; a single one is returned as it is."""
    first, *others = transforms
    if not others:
        return first
    own = {field.name: getattr(first, field.name) for field in dataclasses.fields(FeatureTransform)}
    return JointTransform(**own, others=tuple(others))


def columns_of_parts(transform: FeatureTransform) -> list[slice]:
    """The columns of the features of each of `parts_of`."""
    widths = [part.width for part in parts_of(transform)]
    return [slice(end - width, end) for width, end in zip(widths, itertools.accumulate(widths), strict=True)]
