"""Update rules: how a gradient changes a weight.

Every rule is `(w, dw, config=None) -> (next_w, config)` and pure: neither the tensors nor the config that it is given
change; the config that it returns holds the settings and the state of the next call. A missing setting takes its
default.

`w` and `dw` have the same shape, of any kind. A setting is a number.

Every rule has the setting `weight_decay` (0), decoupled as in `torch.optim.AdamW` (Loshchilov & Hutter 2019): before
the step w becomes w * (1 - learning_rate * weight_decay), so that a rule which scales the gradient does not scale the
decay. It is meant for weight matrices, not for biases.

To add a rule, write a function here, its settings in DEFAULTS, an entry in RULES, and its stacked form in
`fcsearch.training.engine`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from fcsearch.nn.option_checks import one_of

Config = dict[str, Any]
UpdateRule = Callable[[Tensor, Tensor, Mapping[str, Any] | None], tuple[Tensor, Config]]

# The settings of each rule, by the rule's name, with their defaults.
DEFAULTS: dict[str, dict[str, float]] = {
    "sgd": {"learning_rate": 1e-2, "weight_decay": 0.0},
    "sgd_momentum": {"learning_rate": 1e-2, "weight_decay": 0.0, "momentum": 0.9},
    "rmsprop": {"learning_rate": 1e-2, "weight_decay": 0.0, "decay_rate": 0.99, "epsilon": 1e-8},
    "adam": {"learning_rate": 1e-3, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
    "nadam": {"learning_rate": 2e-3, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
    "lion": {"learning_rate": 1e-4, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99},
}
# How fast nadam's momentum grows to beta1: momentum_decay of torch.optim.NAdam.
NADAM_DECAY = 0.004


def sgd(w: Tensor, dw: Tensor, config: Mapping[str, Any] | None = None) -> tuple[Tensor, Config]:
    """Step against the gradient.

    Config: `learning_rate` (1e-2), `weight_decay` (0).
    """
    settings = _settings("sgd", config)
    return _decayed(w, settings) - settings["learning_rate"] * dw, settings


def sgd_momentum(w: Tensor, dw: Tensor, config: Mapping[str, Any] | None = None) -> tuple[Tensor, Config]:
    """Step along a velocity that gathers past gradients.

    Config: `learning_rate` (1e-2), `weight_decay` (0), `momentum` (0.9: the part of the velocity that is kept; 0 is
    plain SGD), `velocity` (state, of the shape of w; zeros).
    """
    settings = _settings("sgd_momentum", config, "velocity")
    velocity = settings.get("velocity", torch.zeros_like(w))
    velocity = settings["momentum"] * velocity - settings["learning_rate"] * dw
    return _decayed(w, settings) + velocity, {**settings, "velocity": velocity}


def rmsprop(w: Tensor, dw: Tensor, config: Mapping[str, Any] | None = None) -> tuple[Tensor, Config]:
    """Scale each element's step by the root of the running mean of its squared gradient.

    Config: `learning_rate` (1e-2), `weight_decay` (0), `decay_rate` (0.99), `epsilon` (1e-8, added outside the root),
    `cache` (state: the running mean of the squared gradient, of the shape of w; zeros).
    """
    settings = _settings("rmsprop", config, "cache")
    decay = settings["decay_rate"]
    cache = decay * settings.get("cache", torch.zeros_like(w)) + (1 - decay) * dw * dw
    step = settings["learning_rate"] * dw / (cache.sqrt() + settings["epsilon"])
    return _decayed(w, settings) - step, {**settings, "cache": cache}


def adam(w: Tensor, dw: Tensor, config: Mapping[str, Any] | None = None) -> tuple[Tensor, Config]:
    """Step along the running mean of the gradient, divided by the root of the mean of its square (Kingma & Ba 2015).

    Both means are corrected for their start at zero.

    Config: `learning_rate` (1e-3), `weight_decay` (0), `beta1` (0.9), `beta2` (0.999), `epsilon` (1e-8, added outside
    the root), and the state: `m` and `v` (running means of the gradient and of its square, of the shape of w; zeros),
    `t` (steps made, 0).
    """
    settings = _settings("adam", config, "m", "v", "t")
    beta1, beta2, t = settings["beta1"], settings["beta2"], settings.get("t", 0) + 1
    m = beta1 * settings.get("m", torch.zeros_like(w)) + (1 - beta1) * dw
    v = beta2 * settings.get("v", torch.zeros_like(w)) + (1 - beta2) * dw * dw
    unbiased_m = m / (1 - beta1**t)
    unbiased_v = v / (1 - beta2**t)
    step = settings["learning_rate"] * unbiased_m / (unbiased_v.sqrt() + settings["epsilon"])
    return _decayed(w, settings) - step, {**settings, "m": m, "v": v, "t": t}


def nadam(w: Tensor, dw: Tensor, config: Mapping[str, Any] | None = None) -> tuple[Tensor, Config]:
    """Adam with Nesterov momentum that grows to beta1 (Dozat 2016), as in `torch.optim.NAdam`.

    Config: `learning_rate` (2e-3), `weight_decay` (0), `beta1` (0.9), `beta2` (0.999), `epsilon` (1e-8, added outside
    the root), and the state: `m` and `v` as in adam, `t` (steps made, 0), `product` (of all momentums so far, 1).
    """
    settings = _settings("nadam", config, "m", "v", "t", "product")
    beta1, beta2, t = settings["beta1"], settings["beta2"], settings.get("t", 0) + 1
    momentum, ahead = (beta1 * (1 - 0.96 ** (step * NADAM_DECAY) / 2) for step in (t, t + 1))
    product = settings.get("product", 1.0) * momentum
    m = beta1 * settings.get("m", torch.zeros_like(w)) + (1 - beta1) * dw
    v = beta2 * settings.get("v", torch.zeros_like(w)) + (1 - beta2) * dw * dw
    direction = dw * ((1 - momentum) / (1 - product)) + m * (ahead / (1 - product * ahead))
    step = settings["learning_rate"] * direction / ((v / (1 - beta2**t)).sqrt() + settings["epsilon"])
    return _decayed(w, settings) - step, {**settings, "m": m, "v": v, "t": t, "product": product}


def lion(w: Tensor, dw: Tensor, config: Mapping[str, Any] | None = None) -> tuple[Tensor, Config]:
    """Step by the learning rate against the sign of a mean of gradients (Chen et al. 2023, "Symbolic discovery").

    Config: `learning_rate` (1e-4), `weight_decay` (0), `beta1` (0.9: weighs the mean that gives the sign), `beta2`
    (0.99: weighs the mean that is kept), `m` (state: the running mean of the gradient, of the shape of w; zeros).
    """
    settings = _settings("lion", config, "m")
    beta1, beta2 = settings["beta1"], settings["beta2"]
    m = settings.get("m", torch.zeros_like(w))
    step = settings["learning_rate"] * (beta1 * m + (1 - beta1) * dw).sign()
    return _decayed(w, settings) - step, {**settings, "m": beta2 * m + (1 - beta2) * dw}


RULES: dict[str, UpdateRule] = {
    "sgd": sgd,
    "sgd_momentum": sgd_momentum,
    "rmsprop": rmsprop,
    "adam": adam,
    "nadam": nadam,
    "lion": lion,
}


def _settings(rule: str, config: Mapping[str, Any] | None, *state: str) -> Config:
    """Fill in a rule's defaults; an unknown key is a ConfigError."""
    given = {} if config is None else config
    defaults = DEFAULTS[rule]
    one_of(f"{rule} setting", given, (*defaults, *state))
    return {**defaults, **given}


def _decayed(w: Tensor, settings: Config) -> Tensor:
    """Shrink the weights by the rule's weight decay."""
    kept: float = 1 - settings["learning_rate"] * settings["weight_decay"]
    return w * kept
