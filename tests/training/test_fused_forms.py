"""The fast forms that packs run, held to the plain layers, losses, rules and network of `fcsearch.nn`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from fcsearch import nn
from fcsearch.config import RULE_SETTINGS
from fcsearch.nn.activations import ACTIVATIONS as PLAIN_ACTIVATIONS
from fcsearch.nn.update_rules import RULES as NN_RULES
from fcsearch.training import TrainingData, TrialConfig, train_pack
from fcsearch.training.data import Minibatches, one_hot
from fcsearch.training.engine.activations import ReluDropout
from fcsearch.training.engine.buffers import Buffers, stack
from fcsearch.training.engine.compiled_lane import CompiledNet
from fcsearch.training.engine.inputs import InputDropout
from fcsearch.training.engine.losses import STACKED_LOSSES, LaneLoss
from fcsearch.training.engine.native import step_functions
from fcsearch.training.engine.passes import StackedNet
from fcsearch.training.engine.rules import RULES
from fcsearch.training.shape import Shape

Digits = Callable[[torch.dtype], TrainingData]
CPU = torch.device("cpu")
MEMBERS, ROWS = 3, 11
SHAPES = [Shape(7, (5, 6, 4), 3), Shape(7, (5,), 3), Shape(7, (), 3)]


def random_weights(shape: Shape, seed: int) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    weights = {}
    for layer, (inputs, outputs) in enumerate(shape.layers, start=1):
        weights[f"W{layer}"] = torch.randn(inputs, outputs, generator=draw, dtype=torch.float64)
        weights[f"b{layer}"] = torch.randn(outputs, generator=draw, dtype=torch.float64)
    return weights


def stacked(shape: Shape) -> tuple[Buffers, list[dict[str, Tensor]]]:
    weights = [random_weights(shape, seed) for seed in range(MEMBERS)]
    return stack(shape, weights, device=CPU, dtype=torch.float64), weights


def plain_pass(x: Tensor, weights: dict[str, Tensor], masks: list[Tensor] | None) -> tuple[Tensor, list[object]]:
    """Scores of one member by the plain layers, and their caches; `masks` are scaled dropout masks."""
    depth = len(weights) // 2
    caches: list[object] = []
    for layer in range(1, depth):
        x, cache = nn.Linear_ReLU.forward(x, weights[f"W{layer}"], weights[f"b{layer}"])
        caches.append(cache)
        if masks is not None:
            x = x * masks[layer - 1]
    scores, cache = nn.Linear.forward(x, weights[f"W{depth}"], weights[f"b{depth}"])
    return scores, [*caches, cache]


def plain_gradients(dout: Tensor, caches: list[object], masks: list[Tensor] | None) -> dict[str, Tensor]:
    depth = len(caches)
    grads: dict[str, Tensor] = {}
    dout, grads[f"W{depth}"], grads[f"b{depth}"] = nn.Linear.backward(dout, caches[-1])
    for layer in range(depth - 1, 0, -1):
        if masks is not None:
            dout = dout * masks[layer - 1]
        dout, grads[f"W{layer}"], grads[f"b{layer}"] = nn.Linear_ReLU.backward(dout, caches[layer - 1])
    return grads


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"depth{len(shape.layers)}")
@pytest.mark.parametrize("rates", [None, [0.0, 0.3, 0.6]], ids=["plain", "dropout"])
@pytest.mark.usefixtures("stacked_arithmetic")
def test_passes_are_those_of_the_layers(shape: Shape, rates: list[float] | None) -> None:
    buffers, weights = stacked(shape)
    x = torch.randn(ROWS, 7, dtype=torch.float64)
    dscores = torch.randn(MEMBERS, 3, ROWS, dtype=torch.float64)
    gradients = Buffers.zeros(shape, MEMBERS, device=CPU, dtype=torch.float64)
    net = StackedNet(buffers, ROWS, gradients)
    masks = None
    if rates and net.hidden:
        net.activation = ReluDropout(rates, net.hidden, seed=3)
        net.activation.start_epoch(1)
        net.activation.draw()
        masks = [torch.ones_like(h) for h in net.hidden]
        for layer, ones in enumerate(masks):
            net.activation.forward(layer, ones)
        net.activation.start_epoch(1)  # the same bits again
    scores = net.forward(x).clone()
    net.scores.copy_(dscores)
    net.backward(x)
    for member in range(MEMBERS):
        own = [mask[member] for mask in masks] if masks else None
        expected, caches = plain_pass(x, weights[member], own)
        torch.testing.assert_close(scores[member].T, expected, rtol=1e-12, atol=1e-12)
        grads = plain_gradients(dscores[member].T, caches, own)
        for name, value in gradients.to_dict(member).items():
            torch.testing.assert_close(value, grads[name], rtol=1e-12, atol=1e-12, msg=name)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", list(PLAIN_ACTIVATIONS))
def test_activations_in_c_are_those_of_nn_within_few_units_in_the_last_place(name: str, dtype: torch.dtype) -> None:
    functions = step_functions(CPU, dtype)
    if functions is None:
        pytest.skip("no compiled steps on this machine")
    x = torch.cat([torch.linspace(-30, 30, 4001), torch.logspace(-12, 0, 500), -torch.logspace(-12, 0, 500)])
    x = x.to(dtype).unsqueeze(1)
    one = {"W1": torch.ones(1, 1), "b1": torch.zeros(1), "W2": torch.ones(1, 1), "b2": torch.zeros(1)}
    weights = stack(Shape(1, (1,), 1), [one], device=CPU, dtype=dtype, by_member=True)
    found = CompiledNet(weights, len(x), functions, activation=name).forward(x)[0, 0]
    expected, _ = PLAIN_ACTIVATIONS[name].forward(x[:, 0].double())
    few = 3e-7 if dtype == torch.float32 else 1e-15
    assert ((found - expected).abs() <= few * x[:, 0].abs() + 1e-38).all()


@pytest.mark.parametrize(("name", "plain"), [("softmax", nn.softmax_loss), ("svm", nn.svm_loss)])
def test_losses_are_those_of_nn(name: str, plain: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> None:
    scores = 5 * torch.randn(MEMBERS, 4, ROWS, dtype=torch.float64)
    y = torch.randint(0, 4, (ROWS,))
    total = torch.zeros_like(scores)
    dscores = scores.clone()
    STACKED_LOSSES[name](dscores, one_hot(y.unsqueeze(0), 4, torch.float64), total)
    for member in range(MEMBERS):
        loss, expected = plain(scores[member].T, y)
        torch.testing.assert_close(total[member].sum() / ROWS, torch.as_tensor(loss, dtype=torch.float64))
        torch.testing.assert_close(dscores[member].T, expected)


def test_smoothed_labels_are_those_of_nn() -> None:
    scores = 5 * torch.randn(MEMBERS + 2, 4, ROWS, dtype=torch.float64)
    y = torch.randint(0, 4, (ROWS,))
    shares = [0.0, 0.1, 0.5, 0.2, 0.2]
    configs = [TrialConfig(label_smoothing=share) for share in shares]
    configs[4] = TrialConfig(loss="svm", label_smoothing=0.2)
    total, dscores = torch.zeros_like(scores), scores.clone()
    LaneLoss.training(configs, scores, 4).apply(dscores, one_hot(y.unsqueeze(0), 4, torch.float64), total)
    for member, share in enumerate(shares):
        if member == 4:
            loss, expected = nn.svm_loss(scores[member].T, y)
        else:
            loss, expected = nn.softmax_loss(scores[member].T, y, label_smoothing=share)
        torch.testing.assert_close(total[member].sum() / ROWS, loss)
        torch.testing.assert_close(dscores[member].T, expected)


def test_without_smoothing_members_keep_the_plain_loss() -> None:
    """To the bit, also beside members with it."""
    scores, y = torch.randn(3, 4, ROWS), torch.randint(0, 4, (ROWS,))
    targets = one_hot(y.unsqueeze(0), 4, torch.float32)
    results = []
    for shares in ([0.0, 0.3, 0.3], [0.0, 0.0, 0.0]):
        dscores, total = scores.clone(), torch.zeros_like(scores)
        LaneLoss.training([TrialConfig(label_smoothing=share) for share in shares], scores, 4).apply(
            dscores, targets, total
        )
        results.append((dscores[0], total[0]))
    assert all(map(torch.equal, *results))


def test_a_lane_without_smoothing_runs_what_it_ran_before(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("no member is smoothed")

    monkeypatch.setattr("fcsearch.training.engine.losses.smoothed_softmax_loss", never)
    scores = torch.randn(3, 4, ROWS)
    targets = one_hot(torch.zeros(1, ROWS), 4, torch.float32)
    configs = [TrialConfig(), TrialConfig(), TrialConfig(loss="svm", label_smoothing=0.1)]
    LaneLoss.training(configs, scores, 4).apply(scores, targets, torch.zeros_like(scores))


def cut_into_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the first layer come in several parts, as those of large nets do."""
    monkeypatch.setattr("fcsearch.training.engine.compiled_lane._BLOCK_VALUES", 30)
    monkeypatch.setattr("fcsearch.training.engine.compiled_lane._BLOCK_ROWS", 3)


@pytest.mark.parametrize("name", list(RULES))
@pytest.mark.usefixtures("stacked_arithmetic")
def test_update_rules_are_those_of_nn(name: str) -> None:
    shape = SHAPES[0]
    buffers, weights = stacked(shape)
    configs = [
        TrialConfig(
            update_rule=name, learning_rate=0.01 * (i + 1), momentum=0.5 + 0.2 * i, decay_rate=0.9 + 0.03 * i,
            beta1=0.5 + 0.2 * i, beta2=0.9 + 0.03 * i, epsilon=10.0 ** -(i + 3),
        )
        for i in range(2)
    ]  # fmt: skip
    gradients = Buffers.zeros(shape, MEMBERS, device=CPU, dtype=torch.float64)
    state = [Buffers.zeros(shape, 2, device=CPU, dtype=torch.float64) for _ in range(RULES[name].state_buffers)]
    rule = RULES[name](configs, 1, buffers.wide, state)  # members 1 and 2 of three
    bound = rule.bind(buffers, gradients)
    settings: list[dict[str, dict[str, object]]] = [{}, {}]
    step = 0
    for epoch in range(1, 4):
        rates = [config.learning_rate * 0.9**epoch for config in configs]
        rule.start_epoch(rates, step, 4)
        for in_epoch in range(4):
            grads = [random_weights(shape, 100 + step * MEMBERS + member) for member in range(MEMBERS)]
            for member in range(MEMBERS):
                gradients.fill(member, grads[member])
            bound.update(in_epoch)
            for i, config in enumerate(configs):
                for parameter in weights[i + 1]:
                    own = settings[i].setdefault(parameter, _nn_settings(config))
                    own["learning_rate"] = rates[i]
                    weights[i + 1][parameter], settings[i][parameter] = NN_RULES[name](
                        weights[i + 1][parameter], grads[i + 1][parameter], own
                    )
            step += 1
    for member in range(MEMBERS):
        for parameter, value in buffers.to_dict(member).items():
            torch.testing.assert_close(value, weights[member][parameter], rtol=1e-10, atol=1e-12, msg=parameter)


def _nn_settings(config: TrialConfig) -> dict[str, object]:
    return {name: getattr(config, name) for name in RULE_SETTINGS[config.update_rule]}


# All that a trial may have beside its update rule, and the learning rates of two epochs that follow.
PLAIN: tuple[dict[str, Any], tuple[float, float]] = ({"lr_decay": 0.7}, (5e-3, 3.5e-3))
EVERYTHING: tuple[dict[str, Any], tuple[float, float]] = (
    {"lr_schedule": "cosine", "input_dropout": 0.3, "label_smoothing": 0.2, "weight_decay": 3.0},
    (5e-3, 2.5e-3),
)


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("loss", ["softmax", "svm"])
@pytest.mark.parametrize(("options", "rates"), [PLAIN, EVERYTHING], ids=["plain", "everything"])
@pytest.mark.parametrize("hidden_dims", [(20, 12), ()], ids=["depth3", "depth1"])
@pytest.mark.usefixtures("arithmetic")
def test_a_pack_trains_as_the_plain_network_does(
    digits: Digits,
    rule: str,
    loss: str,
    options: dict[str, Any],
    rates: tuple[float, float],
    hidden_dims: tuple[int, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if loss == "softmax":
        cut_into_blocks(monkeypatch)
    data = digits(torch.float64)
    config = TrialConfig(
        hidden_dims=hidden_dims, update_rule=rule, learning_rate=5e-3, loss=loss, reg=1e-3, epochs=2, batch_size=64,
        seed=9, **options,
    )  # fmt: skip
    batches = Minibatches(data, seed=9, batch_size=64)
    net = nn.FullyConnectedNet(
        hidden_dims, input_dim=64, num_classes=10, reg=1e-3, weight_scale="kaiming", seed=9, dtype=torch.float64,
        loss=loss, label_smoothing=config.label_smoothing,
    )  # fmt: skip
    mask = InputDropout(config.input_dropout, 64, 64, seed=9, like=data.X_train) if config.input_dropout else None
    settings: dict[str, dict[str, object]] = {}
    for epoch, rate in enumerate(rates, start=1):
        if mask is not None:
            mask.start_epoch(epoch)
        for chunk in batches.epoch(epoch):
            for rows, targets in zip(chunk.x, chunk.targets, strict=True):
                x = rows if mask is None else mask.apply(rows)
                _, grads = net.loss(x, targets.argmax(0))
                for name, grad in grads.items():
                    own = settings.setdefault(name, _nn_settings(config))
                    own["learning_rate"] = rate
                    own["weight_decay"] = config.weight_decay if name.startswith("W") else 0.0
                    net.params[name], settings[name] = NN_RULES[rule](net.params[name], grad, own)
        if epoch == 1:
            first = {name: weight.clone() for name, weight in net.params.items()}
    result = train_pack([config], data)[0]
    expected = first if result.best_epoch == 1 else net.params
    for name, weight in result.weights.items():
        torch.testing.assert_close(weight, expected[name], rtol=0, atol=1e-9, msg=name)
