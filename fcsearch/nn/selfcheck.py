"""Checks of the plain net: layers, losses and networks by their gradients, update rules by arithmetic on floats.

The numbers are drawn on the CPU by key, so that every machine and device checks the same points.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from fcsearch.nn.activations import ACTIVATIONS, Activation, ReLU
from fcsearch.nn.embedding import Embedding, NumberwiseLinear, Periodic, PeriodicEmbedding
from fcsearch.nn.gradcheck import (
    ARITHMETIC,
    AUTOGRAD,
    Case,
    Check,
    Tensors,
    autograd_gradient,
    check_case,
    relative_error,
)
from fcsearch.nn.layers import Dropout, Linear, Linear_ReLU
from fcsearch.nn.losses import LOSSES, REGRESSION_LOSSES, Loss, huber_loss, softmax_loss
from fcsearch.nn.networks import FullyConnectedNet
from fcsearch.nn.random import generator
from fcsearch.nn.two_layer_net import TwoLayerNet
from fcsearch.nn.update_rules import DEFAULTS, RULES

Device = torch.device | str

N, D, H, C = 4, 6, 5, 3  # rows, values in a row, units, classes
EMBEDDING = Embedding(numbers=2, frequencies=3, dim=4)
_STEPS = 50  # of each update rule


def run_checks(device: Device = "cpu") -> Iterator[Check]:
    """Run every check on a device, in float64."""
    # Autograd's thread for a GPU must have run something before its first product, or torch warns.
    autograd_gradient(lambda x: x * 2, torch.zeros(1, device=device), torch.ones(1, device=device))
    for case in gradient_cases(device):
        yield from check_case(case)
    yield _corner_check(device)
    yield from update_rule_checks(device)


def gradient_cases(device: Device = "cpu") -> Iterator[Case]:
    """Yield every layer, activation, loss and network."""
    yield from _layer_cases(device)
    yield from _embedding_cases(device)
    yield from _dropout_cases(device)
    yield from _loss_cases(device)
    yield from _network_cases(device)


def _normal(name: str, *shape: int, device: Device) -> Tensor:
    return torch.randn(*shape, generator=generator(0, "check", name), dtype=torch.float64).to(device)


def _labels(name: str, *shape: int, device: Device) -> Tensor:
    return torch.randint(C, shape, generator=generator(0, "check", name)).to(device)


def _layer_cases(device: Device) -> Iterator[Case]:
    for layer in (Linear, Linear_ReLU):
        yield _affine(layer, f"{layer.__name__}, x (N, D)", (N, D), device)
        yield _affine(layer, f"{layer.__name__}, x (N, d1, d2)", (N, 2, D // 2), device)
    x = _normal("activation", N, H, device=device)
    # Away from the corner, which a central difference would straddle.
    inputs = {"x": x + 0.1 * x.sign()}
    for function in ACTIVATIONS.values():
        yield _activation(function, inputs)


def _activation(function: type[Activation], inputs: Tensors) -> Case:
    def backward(t: Tensors, dout: Tensor) -> Tensors:
        return {"x": function.backward(dout, function.forward(t["x"])[1])}

    return Case(function.__name__, inputs, lambda t: function.forward(t["x"])[0], backward)


def _embedding_cases(device: Device) -> Iterator[Case]:
    numbers, frequencies, dim = EMBEDDING.numbers, EMBEDDING.frequencies, EMBEDDING.dim
    x, waves = _normal("x", N, D, device=device), _normal("waves", N, numbers, frequencies, device=device)
    f, w = (_normal(name, *EMBEDDING.shapes[name], device=device) for name in ("f0", "W0"))
    b = _normal("b0", numbers, dim, device=device)
    yield _layer(Periodic, {"x": x[:, :numbers], "f": f})
    yield _layer(NumberwiseLinear, {"x": waves, "w": w[:, :frequencies], "b": b})
    yield _layer(PeriodicEmbedding, {"x": x, "f": f, "w": w, "b": b})


def _layer(layer: Any, inputs: Tensors) -> Case:
    """A layer whose backward pass returns the gradients of all arguments in their order."""

    def forward(t: Tensors) -> Tensor:
        out: Tensor = layer.forward(*t.values())[0]
        return out

    def backward(t: Tensors, dout: Tensor) -> Tensors:
        return dict(zip(t, layer.backward(dout, layer.forward(*t.values())[1]), strict=True))

    return Case(layer.__name__, inputs, forward, backward)


def _corner_check(device: Device) -> Check:
    """Check that at exactly zero ReLU stops the gradient, as torch.relu does; central differences cannot check this."""
    x = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64, device=device)
    dout = torch.ones_like(x)
    error = relative_error(ReLU.backward(dout, ReLU.forward(x)[1]), autograd_gradient(torch.relu, x, dout))
    return Check("ReLU, at exactly 0", "x", AUTOGRAD, error)


def _affine(layer: Any, name: str, shape: tuple[int, ...], device: Device) -> Case:
    inputs = {
        "x": _normal("x", *shape, device=device),
        "w": _normal("w", D, H, device=device),
        "b": _normal("b", H, device=device),
    }
    return dataclasses.replace(_layer(layer, inputs), name=name)


def _dropout_cases(device: Device) -> Iterator[Case]:
    params: dict[str, dict[str, Any]] = {
        "Dropout, p = 0.25": {"mode": "train", "p": 0.25, "seed": 1},
        "Dropout, p = 0.7": {"mode": "train", "p": 0.7, "seed": 2},
        "Dropout, test mode": {"mode": "test", "p": 0.5},
    }
    inputs = {"x": _normal("dropout", N, H, device=device)}
    for name, param in params.items():

        def forward(t: Tensors, param: dict[str, Any] = param) -> Tensor:
            return Dropout.forward(t["x"], param)[0]

        def backward(t: Tensors, dout: Tensor, param: dict[str, Any] = param) -> Tensors:
            return {"x": Dropout.backward(dout, Dropout.forward(t["x"], param)[1])}

        yield Case(name, inputs, forward, backward)


def _loss_cases(device: Device) -> Iterator[Case]:
    functions = {f"{name}_loss": function for name, function in LOSSES.items() if name not in REGRESSION_LOSSES}
    functions["softmax_loss, label smoothing"] = functools.partial(softmax_loss, label_smoothing=0.3)
    functions |= _weighted(functions, device)
    y = _labels("y", N, device=device)
    inputs = {"scores": _normal("scores", N, C, device=device)}
    for name, function in functions.items():
        yield _loss_case(name, function, inputs, y)
    functions = {f"{name}_loss": LOSSES[name] for name in REGRESSION_LOSSES}
    functions["huber_loss, delta 0.3"] = functools.partial(huber_loss, delta=0.3)
    functions |= _weighted(functions, device)
    targets = _normal("targets", N, device=device)
    for name, function in functions.items():
        yield _loss_case(name, function, {"scores": inputs["scores"][:, :1]}, targets)


def _weighted(functions: Mapping[str, Loss], device: Device) -> dict[str, Loss]:
    """The same with a weight for each row, one of them 0."""
    weights = torch.tensor([0.0, 0.4, 1.0, 2.5], dtype=torch.float64, device=device)
    return {f"{name}, weights": functools.partial(function, weights=weights) for name, function in functions.items()}


def _loss_case(name: str, function: Loss, inputs: Tensors, y: Tensor) -> Case:
    def backward(t: Tensors, dout: Tensor) -> Tensors:
        return {"scores": function(t["scores"], y)[1] * dout}

    return Case(name, inputs, lambda t: function(t["scores"], y)[0], backward)


def _network_cases(device: Device) -> Iterator[Case]:
    options: dict[str, Any] = {"input_dim": D, "num_classes": C, "dtype": torch.float64, "weight_scale": 0.5, "seed": 0}
    yield _network("TwoLayerNet", TwoLayerNet(hidden_dim=H, **options), device)
    yield _network("TwoLayerNet, L2", TwoLayerNet(hidden_dim=H, reg=0.7, **options), device)
    yield _network("FullyConnectedNet, no hidden layer, L2", FullyConnectedNet([], reg=0.7, **options), device)
    for dropout in (0.0, 0.25, 0.5):
        net = FullyConnectedNet([H, 4], dropout=dropout, reg=3.14, **options)
        yield _network(f"FullyConnectedNet, depth 3, L2, dropout {dropout}", net, device)
    net = FullyConnectedNet([H, 4], dropout=0.25, loss="svm", **options)
    yield _network("FullyConnectedNet, depth 3, dropout, svm", net, device)
    net = FullyConnectedNet([H, 4], dropout=0.25, input_dropout=0.3, label_smoothing=0.2, **options)
    yield _network("FullyConnectedNet, input dropout, smoothing", net, device)
    yield _network("FullyConnectedNet, depth 5, L2", FullyConnectedNet([H, 4, H, 4], reg=0.1, **options), device)
    options["embedding"] = EMBEDDING
    yield _network(
        "FullyConnectedNet, embedding, no hidden layer, L2", FullyConnectedNet([], reg=0.7, **options), device
    )
    net = FullyConnectedNet([H, 4], dropout=0.25, input_dropout=0.3, reg=0.1, **options)
    yield _network("FullyConnectedNet, embedding, dropout, L2", net, device)
    del options["embedding"]
    for activation in ACTIVATIONS:
        net = FullyConnectedNet([H, 4], dropout=0.25, activation=activation, **options)
        yield _network(f"FullyConnectedNet, depth 3, dropout, {activation}", net, device)
    options["num_classes"] = 1
    for loss in REGRESSION_LOSSES:
        net = FullyConnectedNet([H, 4], loss=loss, **options)
        yield _network(f"FullyConnectedNet, regression, {loss}", net, device)


def _network(name: str, net: FullyConnectedNet, device: Device) -> Case:
    regression = net.loss_name in REGRESSION_LOSSES
    # Errors of one sign: otherwise the absolute loss's gradient for the last bias may be zero up to rounding.
    y = 9 + _normal("net targets", N, device=device) if regression else _labels("labels", N, device=device)
    X = _normal("X", N, D, device=device)
    # Biases of zero would hide the effect of a bias.
    params = {
        key: value.to(device) + 0.1 * _normal(key, *value.shape, device=device) for key, value in net.params.items()
    }

    def loss(t: Tensors) -> tuple[Tensor, dict[str, Tensor]]:
        net.params = dict(t)
        return net.loss(X, y)

    def backward(t: Tensors, dout: Tensor) -> Tensors:
        return {key: gradient * dout for key, gradient in loss(t)[1].items()}

    return Case(name, params, lambda t: loss(t)[0], backward)


def update_rule_checks(device: Device = "cpu") -> Iterator[Check]:
    """Compare some steps of every update rule with arithmetic on floats."""
    changed = {"learning_rate": 0.02, "momentum": 0.8, "decay_rate": 0.95, "beta1": 0.8, "beta2": 0.99, "epsilon": 1e-6}
    w = _normal("start", 3, 4, device=device)
    gradients = [_normal(f"gradient {step}", 3, 4, device=device) for step in range(_STEPS)]
    for rule, defaults in DEFAULTS.items():
        settings = {**defaults, **{name: value for name, value in changed.items() if name in defaults}}
        yield Check(f"{rule}, {_STEPS} steps", "w", ARITHMETIC, _rule_error(rule, w, gradients, settings))
        settings["weight_decay"] = 0.8
        error = _rule_error(rule, w, gradients, settings)
        yield Check(f"{rule}, {_STEPS} steps, weight decay", "w", ARITHMETIC, error)


def _rule_error(rule: str, w: Tensor, gradients: Sequence[Tensor], settings: Mapping[str, float]) -> float:
    expected = [
        _arithmetic(rule, value, [dw.flatten()[i].item() for dw in gradients], settings)
        for i, value in enumerate(w.flatten().tolist())
    ]
    config: Mapping[str, Any] = settings
    for dw in gradients:
        w, config = RULES[rule](w, dw, config)
    return relative_error(w.flatten(), torch.tensor(expected, dtype=torch.float64, device=w.device))


def _arithmetic(rule: str, w: float, gradients: list[float], settings: Mapping[str, float]) -> float:
    """Follow one weight through an update rule, written as in its paper."""
    rate, first, second = settings["learning_rate"], 0.0, 0.0
    for t, dw in enumerate(gradients, start=1):
        w -= rate * settings["weight_decay"] * w
        if rule == "sgd":
            w -= rate * dw
        elif rule == "sgd_momentum":
            first = settings["momentum"] * first - rate * dw
            w += first
        elif rule == "rmsprop":
            second = settings["decay_rate"] * second + (1 - settings["decay_rate"]) * dw**2
            w -= rate * dw / (math.sqrt(second) + settings["epsilon"])
        elif rule == "adam":
            first = settings["beta1"] * first + (1 - settings["beta1"]) * dw
            second = settings["beta2"] * second + (1 - settings["beta2"]) * dw**2
            mean, square = first / (1 - settings["beta1"] ** t), second / (1 - settings["beta2"] ** t)
            w -= rate * mean / (math.sqrt(square) + settings["epsilon"])
        elif rule == "nadam":
            first = settings["beta1"] * first + (1 - settings["beta1"]) * dw
            second = settings["beta2"] * second + (1 - settings["beta2"]) * dw**2
            momentums = [settings["beta1"] * (1 - 0.5 * 0.96 ** (step * 0.004)) for step in range(1, t + 2)]
            ahead = momentums[t] * first / (1 - math.prod(momentums))
            now = (1 - momentums[t - 1]) * dw / (1 - math.prod(momentums[:t]))
            w -= rate * (ahead + now) / (math.sqrt(second / (1 - settings["beta2"] ** t)) + settings["epsilon"])
        elif rule == "lion":
            w -= rate * math.copysign(1, settings["beta1"] * first + (1 - settings["beta1"]) * dw)
            first = settings["beta2"] * first + (1 - settings["beta2"]) * dw
        else:
            raise NotImplementedError(f"the arithmetic of {rule} must be written here, as in its paper")
    return w
