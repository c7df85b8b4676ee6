"""Losses against torch.nn.functional, and at the edges."""

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from fcsearch.errors import ConfigError
from fcsearch.nn import softmax_loss, svm_loss
from fcsearch.nn.losses import LOSSES, REGRESSION_LOSSES


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def labels(*shape: int) -> Tensor:
    return torch.randint(10, shape, generator=torch.Generator().manual_seed(2))


ORACLES = {
    "softmax": F.cross_entropy,
    # torch takes the mean over the classes too.
    "svm": lambda scores, y: F.multi_margin_loss(scores, y) * scores.shape[1],
    "squared": lambda scores, y: F.mse_loss(scores.squeeze(1), y),
    "absolute": lambda scores, y: F.l1_loss(scores.squeeze(1), y),
    "huber": lambda scores, y: F.huber_loss(scores.squeeze(1), y),
}


def case(name: str) -> tuple[Tensor, Tensor]:
    """Scores and targets of 50 rows."""
    return (draw(50, 1), 2 * draw(60)[10:]) if name in REGRESSION_LOSSES else (draw(50, 10), labels(50))


@pytest.mark.parametrize("name", LOSSES)
def test_loss_and_gradient_are_torchs(name: str) -> None:
    scores, y = case(name)
    expected = ORACLES[name](scores.requires_grad_(), y)
    (gradient,) = torch.autograd.grad(expected, scores)
    loss, dscores = LOSSES[name](scores.detach(), y)
    torch.testing.assert_close(loss, expected.detach())
    torch.testing.assert_close(dscores, gradient)


@pytest.mark.parametrize("name", LOSSES)
def test_a_weight_of_two_is_the_row_twice_and_one_of_zero_is_no_row(name: str) -> None:
    scores, y = case(name)
    counts = torch.arange(50) % 3
    rows = torch.repeat_interleave(torch.arange(50), counts)
    expected, gradient = LOSSES[name](scores[rows], y[rows])
    weights = counts * (50 / counts.sum())
    loss, dscores = LOSSES[name](scores, y, weights=weights.double())
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(dscores[rows], gradient * counts[rows].unsqueeze(1), rtol=1e-6, atol=1e-12)
    assert not dscores[counts == 0].any()


@pytest.mark.parametrize("name", LOSSES)
def test_equal_weights_change_no_bit(name: str) -> None:
    scores, y = case(name)
    for one, other in zip(LOSSES[name](scores, y), LOSSES[name](scores, y, weights=torch.ones(50)), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_label_smoothing_is_torchs(smoothing: float) -> None:
    scores, y = draw(50, 10).requires_grad_(), labels(50)
    expected = F.cross_entropy(scores, y, label_smoothing=smoothing)
    (gradient,) = torch.autograd.grad(expected, scores)
    loss, dscores = softmax_loss(scores.detach(), y, label_smoothing=smoothing)
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-13, atol=0)
    torch.testing.assert_close(dscores, gradient, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("smoothing", [1.0, -0.1, float("nan"), "0.1"])
def test_a_label_smoothing_out_of_range_is_refused(smoothing: object) -> None:
    with pytest.raises(ConfigError, match=r"label_smoothing must be a number in \[0, 1\); found "):
        softmax_loss(draw(5, 10), labels(5), label_smoothing=smoothing)  # type: ignore[arg-type]


@pytest.mark.parametrize("large", [1e4, -1e4])
def test_large_scores_do_not_overflow(large: float) -> None:
    scores = torch.tensor([[large, 0.0, 1.0]])
    loss, dscores = softmax_loss(scores, torch.tensor([0]))
    assert loss.item() == pytest.approx(max(0.0, 1 - large + math.log1p(math.exp(-1))) if large < 0 else 0.0)
    assert dscores.isfinite().all()


def test_a_margin_of_exactly_zero_passes_no_gradient() -> None:
    loss, dscores = svm_loss(torch.tensor([[3.0, 2.0, 0.0]]), torch.tensor([0]))
    assert loss.item() == 0
    assert not dscores.any()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_losses_change_nothing_and_keep_the_dtype(name: str, dtype: torch.dtype) -> None:
    scores, y = draw(5, 10).to(dtype), labels(5)
    given = scores.clone(), y.clone()
    loss, dscores = LOSSES[name](scores, y)
    assert torch.equal(scores, given[0])
    assert torch.equal(y, given[1])
    assert loss.dtype == dscores.dtype == dtype
