"""Trials as different from each other as members of a pack can be, and how results are compared."""

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from fcsearch.nn.activations import ACTIVATIONS
from fcsearch.training import MemberResult, TrainingData, TrialConfig
from fcsearch.training.engine.native import step_functions

Digits = Callable[[torch.dtype], TrainingData]


# As different from each other as members can be.
VARIED = [
    TrialConfig(hidden_dims=(40, 40), update_rule="adam", learning_rate=3e-3, dropout=0.3, reg=1e-4, epochs=3),
    TrialConfig(hidden_dims=(40, 40), update_rule="sgd", learning_rate=0.1, epochs=3, lr_decay=0.9),
    TrialConfig(hidden_dims=(40, 40), update_rule="rmsprop", learning_rate=2e-3, dropout=0.6, epochs=2),
    TrialConfig(hidden_dims=(40, 40), update_rule="sgd_momentum", learning_rate=0.02, momentum=0.8, epochs=3),
    TrialConfig(hidden_dims=(40, 40), update_rule="adam", learning_rate=1e-2, beta1=0.8, beta2=0.99, epochs=1),
    TrialConfig(hidden_dims=(37,), update_rule="adam", learning_rate=1e-3, batch_size=33, loss="svm", epochs=3),
    TrialConfig(hidden_dims=(64, 13, 29, 8), update_rule="sgd_momentum", learning_rate=0.05, dropout=0.1, epochs=3),
    TrialConfig(hidden_dims=(), update_rule="sgd", learning_rate=0.3, epochs=3, reg=1e-3),
    TrialConfig(hidden_dims=(), update_rule="rmsprop", learning_rate=1e-2, dropout=0.5, loss="svm", epochs=3),
    TrialConfig(
        hidden_dims=(40, 40), update_rule="adam", learning_rate=3e-3, init="normal", weight_scale=0.01, seed=1, epochs=3
    ),
    TrialConfig(hidden_dims=(37,), update_rule="rmsprop", learning_rate=1e-3, batch_size=10_000, epochs=3),
    TrialConfig(hidden_dims=(40, 40), update_rule="sgd", learning_rate=0.1, epochs=3, lr_schedule="cosine"),
    TrialConfig(hidden_dims=(40, 40), update_rule="adam", label_smoothing=0.1, weight_decay=0.3, epochs=3),
    TrialConfig(hidden_dims=(40, 40), update_rule="adam", label_smoothing=0.4, lr_schedule="cosine", epochs=2),
    TrialConfig(hidden_dims=(40, 40), update_rule="adam", learning_rate=3e-3, input_dropout=0.2, epochs=3),
    TrialConfig(hidden_dims=(40, 40), learning_rate=0.05, input_dropout=0.2, dropout=0.5, weight_decay=1.0, epochs=3),
    TrialConfig(hidden_dims=(), learning_rate=0.1, input_dropout=0.5, label_smoothing=0.2, epochs=3, reg=1e-3),
    TrialConfig(
        hidden_dims=(37,), update_rule="rmsprop", learning_rate=1e-3, batch_size=33, weight_decay=2.0, epochs=3
    ),
    TrialConfig(hidden_dims=(40, 40), activation="leaky_relu", learning_rate=0.05, dropout=0.3, epochs=3),
    TrialConfig(hidden_dims=(37,), activation="gelu", update_rule="adam", learning_rate=3e-3, reg=1e-4, epochs=3),
    TrialConfig(hidden_dims=(37,), activation="gelu", learning_rate=0.1, dropout=0.5, epochs=2),
    TrialConfig(
        hidden_dims=(40, 13), activation="selu", update_rule="rmsprop", learning_rate=1e-3, dropout=0.2, epochs=3
    ),
]


def pack_of(config: TrialConfig, size: int) -> tuple[list[TrialConfig], int]:
    """A pack of so many members, `config` somewhere inside, and its position."""
    neighbours = itertools.cycle([other for other in VARIED if other != config])
    position = size * 2 // 3
    members = [config if i == position else next(neighbours) for i in range(size)]
    return members, position


def weighted(data: TrainingData) -> TrainingData:
    """The same rows, with weights from 0 to 2 that are 1 on average."""
    weights = torch.arange(len(data.X_train), dtype=data.dtype, device=data.device) % 4
    return dataclasses.replace(data, row_weights=weights / weights.mean())


def metrics(result: MemberResult) -> list[tuple[object, ...]]:
    return [(e.epoch, e.train_loss, e.train_accuracy, e.val_loss, e.val_accuracy) for e in result.epochs]


def assert_equal_to(result: MemberResult, alone: MemberResult, tolerance: float) -> None:
    assert result.state == alone.state
    assert result.best_epoch == alone.best_epoch
    assert result.weights.keys() == alone.weights.keys()
    for name, weight in alone.weights.items():
        torch.testing.assert_close(result.weights[name], weight, rtol=0, atol=tolerance)
    for one, other in zip(metrics(result), metrics(alone), strict=True):
        assert one == pytest.approx(other, abs=max(tolerance, 1e-12))


def exact_members(arithmetic: str) -> list[TrialConfig]:
    """Those of equal results to the bit: torch rounds exponentials otherwise at the end of a tensor."""
    exact = ACTIVATIONS if arithmetic == "compiled" else ("relu", "leaky_relu")
    return [config for config in VARIED if config.activation in exact]


def require_exact_packs() -> None:
    """Skip a test where packs were not seen to change no bit of a member's result."""
    if not torch.backends.mkl.is_available():
        pytest.skip("bitwise equality was seen with MKL's products only")
    compiled = step_functions(torch.device("cpu"), torch.float32) is not None
    processor = Path("/proc/cpuinfo")
    if not compiled and processor.exists() and "GenuineIntel" not in processor.read_text():
        pytest.skip("bitwise equality of torch's operations was seen on Intel's processors only")
