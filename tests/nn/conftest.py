import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor


@pytest.fixture(autouse=True)
def _quickly(one_thread: None) -> None:
    """Small products on several threads are slow."""


@pytest.fixture(scope="session")
def digits() -> dict[str, Tensor]:
    """scikit-learn's digits: 1,797 images of 8 x 8, in a fixed random split, less the mean training image."""
    X, y = load_digits(return_X_y=True)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
    rows, labels = torch.tensor(X / 16, dtype=torch.float32)[order], torch.tensor(y)[order]
    rows = rows - rows[:1437].mean(dim=0)
    return {"X_train": rows[:1437], "y_train": labels[:1437], "X_val": rows[1437:], "y_val": labels[1437:]}


@pytest.fixture
def few(digits: dict[str, Tensor]) -> dict[str, Tensor]:
    """The first 250 training rows and 100 validation rows of digits."""
    sizes = {"X_train": 250, "y_train": 250, "X_val": 100, "y_val": 100}
    return {name: value[: sizes[name]] for name, value in digits.items()}
