from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from sklearn.datasets import load_digits

from fcsearch.training import TrainingData


@pytest.fixture(scope="session")
def digits() -> Callable[[torch.dtype], TrainingData]:
    """Digits, shuffled and cut so that an epoch is short: 500 training and 200 validation rows."""
    X, y = load_digits(return_X_y=True)
    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(0))
    X, y = torch.from_numpy(X)[order] / 16 - 0.3, torch.from_numpy(y)[order]

    def make(dtype: torch.dtype) -> TrainingData:
        return TrainingData.from_arrays(X[:500], y[:500], X[500:700], y[500:700], num_classes=10, dtype=dtype)

    return make
