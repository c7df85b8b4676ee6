"""Rows to train packs on."""

import pytest
import torch

from fcsearch.training import TrainingData


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """200 training and 100 validation rows of three classes."""
    X = torch.randn(300, 6, generator=torch.Generator().manual_seed(0))
    y = (X[:, 0] > 0).long() + (X[:, 1] > 0).long()
    return TrainingData(X[:200], y[:200], X[200:], y[200:], 3)
