"""Rows that count more than others, in the losses that packs are trained by."""

import dataclasses

import pytest
import torch
from varied_packs import Digits, assert_equal_to, exact_members, weighted

from fcsearch import nn
from fcsearch.errors import DataError
from fcsearch.training import TrainingData, TrialConfig, train_pack

CLASSES = [
    TrialConfig(hidden_dims=(20,), learning_rate=0.1, epochs=3, batch_size=2000, loss=loss, reg=1e-3)
    for loss in ("softmax", "svm")
]
SMOOTHED = dataclasses.replace(CLASSES[0], label_smoothing=0.2)
TARGETS = [dataclasses.replace(CLASSES[0], loss=loss, huber_delta=0.5) for loss in ("squared", "absolute", "huber")]


def test_in_float32_on_one_thread_a_pack_changes_no_bit(digits: Digits, exact_arithmetic: str) -> None:
    data, members = weighted(digits(torch.float32)), exact_members(exact_arithmetic)
    for config, result in zip(members, train_pack(members, data), strict=True):
        assert_equal_to(result, train_pack([config], data)[0], 0.0)


@pytest.mark.parametrize("config", [*CLASSES, SMOOTHED, *TARGETS], ids=range(6))
def test_a_weight_of_two_is_the_row_twice_and_one_of_zero_is_no_row(config: TrialConfig, digits: Digits) -> None:
    plain = digits(torch.float64)
    if config in TARGETS:
        targets = plain.y_train / 10, plain.y_val / 10
        plain = TrainingData.from_arrays(
            plain.X_train, targets[0], plain.X_val, targets[1], num_classes=0, dtype=torch.float64
        )
    counts = torch.arange(len(plain.X_train)) % 3
    rows = torch.repeat_interleave(torch.arange(len(counts)), counts)
    repeated = dataclasses.replace(plain, X_train=plain.X_train[rows], y_train=plain.y_train[rows])
    data = dataclasses.replace(plain, row_weights=(counts / counts.double().mean()))
    found, expected, unweighted = (train_pack([config], rows)[0] for rows in (data, repeated, plain))
    for name, weight in expected.weights.items():
        torch.testing.assert_close(found.weights[name], weight, rtol=1e-9, atol=1e-11)
    assert not torch.allclose(found.weights["W1"], unweighted.weights["W1"], atol=1e-5)
    for one, other in zip(found.epochs, expected.epochs, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-9)
        assert (one.val_loss, dict(one.val)) == (pytest.approx(other.val_loss), pytest.approx(dict(other.val)))


def test_what_is_measured_on_validation_rows_has_no_weights(digits: Digits) -> None:
    data = weighted(digits(torch.float64))
    (result,) = train_pack([CLASSES[0]], data)
    net = nn.FullyConnectedNet.from_params(result.weights)
    expected = float(net.loss(data.X_val, data.y_val)[0])
    assert result.best.val_loss == pytest.approx(expected, rel=1e-12)


def test_weights_of_other_rows_are_refused(digits: Digits) -> None:
    with pytest.raises(DataError, match=r"one number for each of the 500 training rows; found the shape \(499,\)"):
        dataclasses.replace(digits(torch.float32), row_weights=torch.ones(499))
