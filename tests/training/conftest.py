from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits
from varied_packs import require_exact_packs

from fcsearch.training import TrainingData
from fcsearch.training.engine.native import library, step_functions


@pytest.fixture(scope="session")
def digits() -> Callable[[torch.dtype], TrainingData]:
    """Digits, shuffled and cut so that an epoch is short: 500 training and 200 validation rows."""
    X, y = load_digits(return_X_y=True)
    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(0))
    X, y = torch.from_numpy(X)[order] / 16 - 0.3, torch.from_numpy(y)[order]

    def make(dtype: torch.dtype) -> TrainingData:
        return TrainingData.from_arrays(X[:500], y[:500], X[500:700], y[500:700], num_classes=10, dtype=dtype)

    return make


@pytest.fixture(autouse=True)
def _as_a_worker(one_thread: None) -> None:
    """All of them train."""


@pytest.fixture(params=["compiled", "torch"])
def arithmetic(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test with steps in C and with torch operations alone."""
    way: str = request.param
    if way == "torch":
        monkeypatch.setenv("FCSEARCH_NATIVE", "0")
    elif step_functions(torch.device("cpu"), torch.float64) is None:
        pytest.skip("no C compiler on this machine")
    return way


@pytest.fixture
def exact_arithmetic(arithmetic: str) -> str:
    """As `arithmetic`, where packs were seen to change no bit of a member's result."""
    require_exact_packs()
    return arithmetic


@pytest.fixture
def _fresh_kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kernels are compiled anew, into a folder of the test's own."""
    if step_functions(torch.device("cpu"), torch.float64) is None:
        pytest.skip("no C compiler on this machine")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    library._for_cpu.cache_clear()
    yield
    library._for_cpu.cache_clear()
