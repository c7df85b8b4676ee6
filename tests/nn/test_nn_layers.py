"""Layers: forward passes against torch.nn.functional, dropout, and what must not change."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from fcsearch.errors import ConfigError
from fcsearch.nn import Dropout, Linear, Linear_ReLU, ReLU
from fcsearch.nn.random import generator

DTYPES = (torch.float32, torch.float64)


def draw(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=generator(0, "layers", *shape), dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 12), (5, 3, 4), (5, 3, 2, 2), (1, 12)])
def test_linear_is_torchs_linear_on_flattened_rows(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x, w, b = draw(*shape, dtype=dtype), draw(12, 7, dtype=dtype), draw(7, dtype=dtype)
    out, _ = Linear.forward(x, w, b)
    torch.testing.assert_close(out, F.linear(x.flatten(1), w.T, b))
    torch.testing.assert_close(Linear_ReLU.forward(x, w, b)[0], F.relu(F.linear(x.flatten(1), w.T, b)))


def test_relu_backward_takes_the_output_for_the_input() -> None:
    x, dout = draw(4, 6), draw(6, 4).T
    out, _ = ReLU.forward(x)
    assert torch.equal(ReLU.backward(dout, out), ReLU.backward(dout, x))


def test_relu_stops_an_infinite_gradient_without_making_it_nan() -> None:
    assert ReLU.backward(torch.tensor([float("inf")]), torch.tensor([-1.0])).item() == 0


def test_dropout_scales_what_it_keeps_and_stops_the_gradient_of_what_it_drops() -> None:
    """How many it drops: test_9_dropout_forward."""
    x = 10 + draw(20, 30)
    out, cache = Dropout.forward(x, {"mode": "train", "p": 0.4, "seed": 3})
    kept = out != 0
    torch.testing.assert_close(out[kept], x[kept] / 0.6)
    assert torch.equal(Dropout.backward(torch.ones_like(x), cache) != 0, kept)


def test_dropout_does_nothing_while_testing() -> None:
    x, dout = draw(20, 30), draw(20, 30) + 1
    out, cache = Dropout.forward(x, {"mode": "test", "p": 0.4})
    assert torch.equal(out, x)
    assert torch.equal(Dropout.backward(dout, cache), dout)


def test_dropout_of_zero_keeps_every_unit() -> None:
    x = draw(20, 30)
    assert torch.equal(Dropout.forward(x, {"mode": "train", "p": 0.0})[0], x)


def test_dropout_repeats_with_a_seed_and_only_then() -> None:
    x = draw(40, 30)
    seeded = [Dropout.forward(x, {"mode": "train", "p": 0.5, "seed": seed})[0] for seed in (1, 1, 2)]
    assert torch.equal(seeded[0], seeded[1])
    assert not torch.equal(seeded[0], seeded[2])
    free = [Dropout.forward(x, {"mode": "train", "p": 0.5})[0] for _ in range(2)]
    assert not torch.equal(*free)


def test_dropout_with_a_seed_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    Dropout.forward(draw(4, 5), {"mode": "train", "p": 0.5, "seed": 1})
    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_drops_the_same_units_in_either_dtype() -> None:
    x, param = draw(30, 40), {"mode": "train", "p": 0.5, "seed": 1}
    masks = [Dropout.forward(x.to(dtype), param)[1] for dtype in DTYPES]
    assert [mask.dtype for mask in masks] == list(DTYPES)
    assert torch.equal(masks[0].double(), masks[1])


@pytest.mark.parametrize(
    ("param", "message"),
    [
        ({"mode": "train", "p": 1.0}, r"dropout p must be in \[0, 1\).*found 1.0"),
        ({"mode": "train", "p": -0.1}, r"found -0.1"),
        ({"mode": "training", "p": 0.5}, "unknown dropout mode 'training'; did you mean 'train'"),
        ({"mode": "train", "p": 0.5, "sede": 1}, "unknown dropout_param key 'sede'; did you mean 'seed'"),
    ],
)
def test_dropout_refuses(param: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Dropout.forward(draw(2, 3), param)


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_layer_writes_to_what_it_was_given(dtype: torch.dtype) -> None:
    x, dout = draw(5, 12, dtype=dtype), draw(5, 7, dtype=dtype)
    w, b = draw(12, 7, dtype=dtype), draw(7, dtype=dtype)
    given = (x, dout, w, b)
    before = [tensor.clone() for tensor in given]
    results = []
    for layer in (Linear, Linear_ReLU):
        out, cache = layer.forward(x, w, b)
        results += [out, *layer.backward(dout, cache)]
    results.append(ReLU.backward(dout, ReLU.forward(out)[1]))
    results.append(Dropout.backward(dout, Dropout.forward(out, {"mode": "train", "p": 0.5})[1]))
    assert all(map(torch.equal, given, before))
    assert all(tensor.dtype == dtype for tensor in results)
