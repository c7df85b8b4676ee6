"""Keyed random draws and initial weights."""

import math
import subprocess
import sys
from typing import Any

import pytest
import torch

from fcsearch.config import TrialConfig
from fcsearch.errors import ConfigError
from fcsearch.nn import Embedding, FullyConnectedNet
from fcsearch.nn.embedding import FREQUENCY_SCALE
from fcsearch.nn.initial_weights import initial_weights
from fcsearch.nn.random import generator, key

OPTIONS = {"weight_scale": "kaiming", "seed": 0, "dtype": torch.float64}


def test_a_key_is_the_same_in_every_process_and_version() -> None:
    """These numbers stand for every result ever made with a seed: they must never change."""
    assert key(0) == 6197007067532723406
    assert key(7, "order", 3) == 1829972018338191065
    code = "from fcsearch.nn.random import key; print(key(7, 'order', 3))"
    assert int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout) == key(
        7, "order", 3
    )


def test_every_purpose_has_a_key_of_its_own() -> None:
    purposes = [
        (),
        (1,),
        ("1",),
        (1, 1),
        (11,),
        ("a", "b"),
        ("ab",),
        ("a,b",),
        ("order", 1),
        ("dropout", 1),
        (1, "order"),
    ]
    keys = {key(seed, *purpose) for seed in (0, 1, 2**70) for purpose in purposes}
    assert len(keys) == 3 * len(purposes)
    assert all(0 <= value < 2**63 for value in keys)


def test_generators_of_one_key_draw_the_same() -> None:
    draws = [torch.randn(5, generator=generator(*name)) for name in ((3, "x"), (3, "x"), (3, "y"), (4, "x"))]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert not torch.equal(draws[0], draws[3])


def test_weights_are_gaussian_of_the_scale_and_biases_are_zero_in_every_layer() -> None:
    params = initial_weights([300, 200], 400, 10, weight_scale=0.05, seed=1, dtype=torch.float32)
    assert {name: tuple(value.shape) for name, value in params.items()} == {
        **{"W1": (400, 300), "b1": (300,), "W2": (300, 200), "b2": (200,)},
        **{"W3": (200, 10), "b3": (10,)},
    }
    for layer in (1, 2, 3):
        w = params[f"W{layer}"]
        error = 5 / math.sqrt(w.numel())
        assert w.mean().item() == pytest.approx(0, abs=0.05 * error)
        assert w.std().item() == pytest.approx(0.05, rel=error)
        assert (w.abs() < 0.05).float().mean().item() == pytest.approx(0.6827, abs=error)
        assert not params[f"b{layer}"].any()


def test_kaiming_keeps_the_size_of_the_signal() -> None:
    params = initial_weights([500] * 6, 500, 10, **OPTIONS)
    hidden = torch.randn(200, 500, generator=generator(0, "x"), dtype=torch.float64)
    for layer in range(1, 7):
        assert params[f"W{layer}"].std().item() == pytest.approx(math.sqrt(2 / 500), rel=0.02)
        hidden = torch.relu(hidden @ params[f"W{layer}"])
    assert hidden.square().mean().item() == pytest.approx(1, rel=0.3)


def test_a_layer_s_draw_depends_on_seed_and_layer_alone() -> None:
    shallow, deep = (initial_weights(dims, 20, 5, **OPTIONS) for dims in ([30], [30, 30, 30]))
    assert torch.equal(shallow["W1"], deep["W1"])
    other = initial_weights([30], 20, 5, **{**OPTIONS, "seed": 1})
    assert not torch.equal(shallow["W1"], other["W1"])
    assert not torch.equal(deep["W2"], deep["W3"])


def test_both_dtypes_start_from_the_same_numbers() -> None:
    single, double = (
        initial_weights([30], 20, 5, **{**OPTIONS, "dtype": dtype}) for dtype in (torch.float32, torch.float64)
    )
    assert single["W1"].dtype == torch.float32
    torch.testing.assert_close(single["W1"].double(), double["W1"], rtol=1e-6, atol=0)


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    initial_weights([30], 20, 5, **OPTIONS)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("scale", [0.0, -0.1, float("nan"), float("inf"), "xavier"])
def test_a_scale_that_is_none_is_refused(scale: object) -> None:
    with pytest.raises(ConfigError, match=r"weight_scale must be a number above 0, or 'kaiming'; found "):
        initial_weights([3], 4, 2, **{**OPTIONS, "weight_scale": scale})


@pytest.mark.parametrize("sizes", [([0], 4, 2), ([3], 0, 2), ([3], 4, 0)])
def test_an_empty_layer_is_refused(sizes: tuple[list[int], int, int]) -> None:
    with pytest.raises(ConfigError, match="every layer must have a size of at least 1"):
        initial_weights(*sizes, **OPTIONS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"embedding": Embedding(5, 2, 2)}, "embedding numbers must be at most input_dim, the 3 values .* found 5"),
        ({"embedding": (2, 2, 2)}, "embedding must be an Embedding or None"),
        ({"embedding": Embedding(2, 2, 2), "frequency_scale": "1"}, "frequency_scale must be a number"),
        ({"embedding": Embedding(2, 2, 2), "frequency_scale": 0}, "frequency_scale must be a number above 0"),
    ],
)
def test_an_embedding_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FullyConnectedNet((4,), 3, 2, **options)


def test_frequencies_have_the_default_scale_of_trials() -> None:
    assert TrialConfig().frequency_scale == FREQUENCY_SCALE
