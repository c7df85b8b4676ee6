"""Update rules against torch.optim over 50 steps, and their purity."""

from typing import Any

import pytest
import torch
from torch import Tensor

from fcsearch.errors import ConfigError
from fcsearch.nn import lion
from fcsearch.nn.update_rules import DEFAULTS, RULES, Config

STEPS = 50
SETTINGS: dict[str, list[dict[str, float]]] = {
    "sgd": [{}, {"learning_rate": 0.3}],
    "sgd_momentum": [{}, {"learning_rate": 0.05, "momentum": 0.5}, {"momentum": 0.0}],
    "rmsprop": [{}, {"learning_rate": 1e-3, "decay_rate": 0.9, "epsilon": 1e-3}],
    "adam": [{}, {"learning_rate": 0.1, "beta1": 0.7, "beta2": 0.95, "epsilon": 1e-3}],
    "nadam": [{}, {"learning_rate": 0.1, "beta1": 0.7, "beta2": 0.95, "epsilon": 1e-3}],
}
# torch keeps a product of NAdam's momenta in float32, whatever the weights are.
TOLERANCE = {"nadam": {"rtol": 1e-6, "atol": 1e-7}}
EXACT = {"rtol": 1e-11, "atol": 1e-12}
CASES = [(rule, settings) for rule, some in SETTINGS.items() for settings in some]


def optimizer(rule: str, w: Tensor, settings: dict[str, float]) -> torch.optim.Optimizer:
    s = {**DEFAULTS[rule], **settings}
    rate = s["learning_rate"]
    if rule == "sgd":
        return torch.optim.SGD([w], lr=rate)
    if rule == "sgd_momentum":
        return torch.optim.SGD([w], lr=rate, momentum=s["momentum"])
    if rule == "rmsprop":
        # torch, too, adds epsilon outside the root; its alpha is our decay_rate.
        return torch.optim.RMSprop([w], lr=rate, alpha=s["decay_rate"], eps=s["epsilon"])
    if rule == "nadam":
        return torch.optim.NAdam([w], lr=rate, betas=(s["beta1"], s["beta2"]), eps=s["epsilon"])
    return torch.optim.Adam([w], lr=rate, betas=(s["beta1"], s["beta2"]), eps=s["epsilon"])


def draw(name: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(name), dtype=torch.float64)


def gradient(step: int, w: Tensor) -> Tensor:
    """A gradient that depends on where the weight is, and on the step: an early error would not stay small."""
    return torch.sin(w) + draw(100 + step, *w.shape)


def assert_steps_are_a_peers(rule: str, settings: dict[str, float], peer: torch.optim.Optimizer) -> None:
    """Fifty steps of a rule, beside a peer of the same settings, whose one weight is `draw(0, 4, 5)`."""
    (reference,) = peer.param_groups[0]["params"]
    w, config = draw(0, 4, 5), dict[str, Any](settings)
    for step in range(STEPS):
        reference.grad = gradient(step, reference.detach())
        peer.step()
        w, config = RULES[rule](w, gradient(step, w), config)
        torch.testing.assert_close(w, reference.detach(), **TOLERANCE.get(rule, EXACT))
    assert (w - draw(0, 4, 5)).abs().min() > 0


def weight() -> Tensor:
    return draw(0, 4, 5).requires_grad_()


@pytest.mark.parametrize(("rule", "settings"), CASES)
def test_fifty_steps_are_torchs(rule: str, settings: dict[str, float]) -> None:
    assert_steps_are_a_peers(rule, settings, optimizer(rule, weight(), settings))


def test_lion_steps_by_its_rate_against_the_sign_of_its_mean() -> None:
    w, gradients = torch.zeros(3, dtype=torch.float64), torch.tensor([[1.0, -2, 0], [-0.5, -1, 1], [-3, 4, 0]]).double()
    config: Config = {"learning_rate": 0.1, "beta1": 0.5, "beta2": 0.75}
    steps = []
    for dw in gradients:
        moved, config = lion(w, dw, config)
        steps.append(((w - moved) / 0.1).round().tolist())
        w = moved
    # Means that are kept: (0.25, -0.5, 0), (0.0625, -0.625, 0.25); the first step has none.
    assert steps == [[1, -1, 0], [-1, -1, 1], [-1, 1, 1]]


@pytest.mark.parametrize("settings", [{"weight_decay": 0.5}, {"weight_decay": 1e-2, "learning_rate": 0.1}])
def test_adam_with_weight_decay_is_torchs_adamw(settings: dict[str, float]) -> None:
    s = {**DEFAULTS["adam"], **settings}
    peer = torch.optim.AdamW([weight()], lr=s["learning_rate"], weight_decay=s["weight_decay"])
    assert_steps_are_a_peers("adam", settings, peer)


def test_lion_s_weight_decay_is_apart_from_its_step() -> None:
    w, dw = draw(0, 4, 5), draw(1, 4, 5)
    moved, _ = lion(w, dw, {"learning_rate": 0.05, "weight_decay": 0.4})
    torch.testing.assert_close(moved, w * (1 - 0.05 * 0.4) - 0.05 * dw.sign())


@pytest.mark.parametrize("rule", SETTINGS)
def test_weight_decay_shrinks_the_weights_and_leaves_the_step_as_it_is(rule: str) -> None:
    w, rate = weight(), 0.05
    peer = optimizer(rule, w, {"learning_rate": rate})

    def shrink(*_: Any) -> None:
        w.data.mul_(1 - rate * 0.4)

    peer.register_step_pre_hook(shrink)
    assert_steps_are_a_peers(rule, {"learning_rate": rate, "weight_decay": 0.4}, peer)


@pytest.mark.parametrize("rule", RULES)
def test_rules_are_pure(rule: str) -> None:
    w, dw = draw(0, 3, 4), draw(1, 3, 4)
    _, config = RULES[rule](w, dw, {"learning_rate": 0.1})
    given = (w, dw, *(value for value in config.values() if isinstance(value, Tensor)))
    before = [tensor.clone() for tensor in given]
    keys = dict(config)
    first, _ = RULES[rule](w, dw, config)
    second, _ = RULES[rule](w, dw, config)
    assert torch.equal(first, second)
    assert all(map(torch.equal, given, before))
    assert all(config[key] is keys[key] for key in config)
    assert len(config) == len(keys)


@pytest.mark.parametrize("rule", RULES)
def test_the_config_comes_back_with_every_setting_and_the_state(rule: str) -> None:
    _, config = RULES[rule](draw(0, 2, 2), draw(1, 2, 2), None)
    states = {"sgd_momentum": {"velocity"}, "rmsprop": {"cache"}, "adam": {"m", "v", "t"}, "lion": {"m"}}
    state = {**states, "sgd": set(), "nadam": {"m", "v", "t", "product"}}[rule]
    assert set(config) == set(DEFAULTS[rule]) | state
    assert {name: config[name] for name in DEFAULTS[rule]} == DEFAULTS[rule]
    assert config.get("t", 1) == 1


@pytest.mark.parametrize("rule", RULES)
def test_an_unknown_setting_is_refused_with_the_nearest_name(rule: str) -> None:
    with pytest.raises(ConfigError, match=rf"unknown {rule} setting 'learning_rat'; did you mean 'learning_rate'\?"):
        RULES[rule](draw(0, 2), draw(1, 2), {"learning_rat": 0.1})
