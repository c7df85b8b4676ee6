"""Rows to check an exported model on, made from its transform alone, with gaps and unknown categories."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.data.transform import CategoryInput, FeatureTransform, NumberInput

_ROWS = 200
_GAPS = 0.1


def sample_rows(transform: FeatureTransform) -> npt.NDArray[Any]:
    """A raw matrix (N, R) as `FeatureTransform` takes it: numbers about as in training, and every category."""
    random = np.random.default_rng(0)
    blocks = [_values(item, random) for item in transform.inputs]
    raw = np.concatenate(blocks, axis=1)
    array = transform.array
    return raw.astype(np.uint8 if array is not None and array.pixels else transform.dtype)


def _values(item: NumberInput | CategoryInput, random: np.random.Generator) -> npt.NDArray[np.float64]:
    if item.kind == "category":
        codes = np.resize([-1.0, np.nan, *range(len(item.categories))], _ROWS)
        return random.permutation(codes)[:, None]
    if item.pixels:
        return random.integers(0, 256, (_ROWS, item.width)).astype(np.float64)
    middle, width = item.encoding.extent
    values = middle + width * random.normal(size=(_ROWS, item.width))
    if item.fill is not None:
        values[random.random(values.shape) < _GAPS] = np.nan
    return values
