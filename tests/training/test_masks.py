"""Masks and minibatches of the engine: what they draw, and by which keys."""

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from fcsearch.training import TrainingData
from fcsearch.training.data import Minibatches
from fcsearch.training.engine.activations import Dropping, Relu
from fcsearch.training.engine.inputs import InputDropout

Digits = Callable[[torch.dtype], TrainingData]


CPU = torch.device("cpu")


@pytest.mark.parametrize("rate", [0.25, 0.4, 0.7])
@pytest.mark.usefixtures("arithmetic")
def test_dropout_drops_at_its_rate_and_keeps_the_mean(rate: float) -> None:
    shape = (2, 500, 400)
    hidden = torch.full(shape, 10.0)
    activation = Relu([hidden], Dropping([rate, 0.0], [hidden], seed=1))
    activation.start_epoch(1)
    activation.draw()
    activation.forward(0, hidden, torch.zeros_like(hidden[:, 0]))
    dropped = (hidden[0] == 0).double().mean().item()
    assert dropped == pytest.approx(rate, abs=5 * (rate * (1 - rate) / 200_000) ** 0.5)
    assert hidden[0].mean().item() == pytest.approx(10, abs=0.1)
    assert torch.equal(hidden[1], torch.full(shape[1:], 10.0))
    # Every one of the four 16-bit parts of a draw must be fair, and no unit tied to its neighbour.
    kept = (hidden[0] != 0).double().flatten()
    for part in range(4):
        assert kept[part::4].mean().item() == pytest.approx(1 - rate, abs=0.012)
    assert abs(torch.corrcoef(torch.stack([kept[:-1], kept[1:]]))[0, 1].item()) < 0.012


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.usefixtures("arithmetic")
def test_input_dropout_drops_at_its_rate_and_keeps_the_mean(rate: float, dtype: torch.dtype) -> None:
    rows, features = 400, 501
    x = torch.randn(rows, features, dtype=dtype) - 10  # an input has either sign, unlike a hidden unit
    given = x.clone()
    dropout = InputDropout(rate, rows, features, seed=1, like=x)
    dropout.bits.start_epoch(1)
    out = dropout.apply(x)
    assert torch.equal(x, given)
    kept = out != 0
    count = rows * features
    assert kept.double().mean().item() == pytest.approx(1 - rate, abs=5 * (rate * (1 - rate) / count) ** 0.5)
    torch.testing.assert_close(out[kept], x[kept] / (1 - rate))
    assert out.mean().item() == pytest.approx(x.mean().item(), abs=5 * 10.1 * (rate / (1 - rate) / count) ** 0.5)
    assert abs(torch.corrcoef(torch.stack([kept[:, :-1], kept[:, 1:]]).flatten(1).double())[0, 1].item()) < 0.012


def hidden_mask(seed: int, epoch: int, steps: int) -> Tensor:
    hidden = torch.ones(1, 20, 30)
    activation = Relu([hidden], Dropping([0.5], [hidden], seed=seed))
    activation.start_epoch(epoch)
    for _ in range(steps):
        activation.draw()
    activation.forward(0, hidden, torch.zeros_like(hidden[:, 0]))
    return hidden[0]


def input_mask(seed: int, epoch: int, steps: int) -> Tensor:
    x = torch.ones(20, 30)
    dropout = InputDropout(0.5, 20, 30, seed=seed, like=x)
    dropout.bits.start_epoch(epoch)
    return [dropout.apply(x).clone() for _ in range(steps)][-1]


@pytest.mark.parametrize("mask", [hidden_mask, input_mask])
def test_masks_differ_between_steps_epochs_and_seeds_and_repeat_by_key(
    mask: Callable[[int, int, int], Tensor],
) -> None:
    assert torch.equal(mask(1, 1, 1), mask(1, 1, 1))
    for other in (mask(1, 1, 2), mask(1, 2, 1), mask(2, 1, 1)):
        assert not torch.equal(mask(1, 1, 1), other)


def test_input_masks_are_not_those_of_hidden_units() -> None:
    assert not torch.equal(input_mask(1, 1, 1), hidden_mask(1, 1, 1))


def test_minibatches_visit_each_row_once_an_epoch_in_an_order_of_the_seed(digits: Digits) -> None:
    data = digits(torch.float32)
    data = dataclasses.replace(data, X_train=torch.arange(500.0).repeat(64, 1).T.contiguous())

    def rows(seed: int, epoch: int) -> list[float]:
        batches = Minibatches(data, seed=seed, batch_size=50)
        return [row for chunk in batches.epoch(epoch) for row in chunk.x[:, :, 0].flatten().tolist()]

    assert sorted(rows(0, 1)) == list(range(500))
    assert rows(0, 1) == rows(0, 1)
    assert rows(0, 1) != rows(0, 2)
    assert rows(0, 1) != rows(1, 1)


def test_minibatches_pair_rows_with_their_labels(digits: Digits) -> None:
    data = digits(torch.float32)
    label_of = {tuple(x.tolist()): y for x, y in zip(data.X_train, data.y_train.tolist(), strict=True)}
    for chunk in Minibatches(data, seed=0, batch_size=64).epoch(1):
        for rows, targets in zip(chunk.x, chunk.targets, strict=True):
            assert rows.shape == (64, 64)
            assert [label_of[tuple(x.tolist())] for x in rows] == targets.argmax(0).tolist()
