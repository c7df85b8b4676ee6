"""Passes, losses and update rules of the engine, each on its own, so that a check says which is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from fcsearch.config import TrialConfig
from fcsearch.nn import Linear
from fcsearch.nn.activations import ACTIVATIONS as PLAIN_ACTIVATIONS
from fcsearch.nn.gradcheck import Check
from fcsearch.nn.losses import REGRESSION_LOSSES, loss_of
from fcsearch.nn.update_rules import DEFAULTS, Config
from fcsearch.nn.update_rules import RULES as PLAIN_RULES
from fcsearch.training.checks.plain import Masks
from fcsearch.training.checks.way import Way
from fcsearch.training.data import one_hot
from fcsearch.training.engine.activations import ACTIVATIONS, Dropping
from fcsearch.training.engine.buffers import Buffers, stack
from fcsearch.training.engine.losses import STACKED_LOSSES, LaneLoss
from fcsearch.training.engine.passes import StackedNet
from fcsearch.training.engine.rules import RULES
from fcsearch.training.engine.update_rule import BoundRule
from fcsearch.training.shape import Shape

_ROWS, _DIM, _CLASSES = 6, 7, 3
_SHAPES = [Shape(_DIM, hidden, _CLASSES) for hidden in ((), (5,), (5, 8, 4))]
_RATES = (0.0, 0.3, 0.6)  # of dropping, one a member

Params = Mapping[str, Tensor]


def piece_checks(way: Way) -> Iterator[Check]:
    """Check every piece, of one member and of three."""
    for activation in ACTIVATIONS:
        for shape in _SHAPES:
            for members in (1, len(_RATES)):
                yield from _pass_checks(way, activation, shape, members, ())
        for shape in _SHAPES[1:]:
            for rates in (_RATES[1:2], _RATES):
                yield from _pass_checks(way, activation, shape, len(rates), rates)
    yield from _loss_checks(way)
    for rule in RULES:
        for members in (1, 3):
            yield from _rule_checks(way, rule, members)


def _pass_checks(way: Way, activation: str, shape: Shape, members: int, rates: tuple[float, ...]) -> Iterator[Check]:
    weights, plain = _weights(way, shape, members)
    gradients = Buffers.zeros(shape, members, device=way.device, dtype=way.dtype)
    net = StackedNet(weights, _ROWS, gradients, activation=activation)
    if rates:
        net.activation = ACTIVATIONS[activation](net.hidden, Dropping(rates, net.hidden, seed=3))
    net.activation.start_epoch(1)
    x, dscores = way.normal("x", _ROWS, _DIM), way.normal("dscores", members, _ROWS, _CLASSES)
    scores = net.forward(x).mT.clone()
    net.scores.copy_(dscores.mT)
    net.backward(x)
    subject = f"{activation} passes, dropout" if rates else f"{activation} passes"
    for member in range(members):
        masks = _masks(way, shape, rates[member]) if rates else [torch.ones(())] * len(shape.hidden_dims)
        expected = _plain_pass(activation, x, plain[member], dscores[member], masks)
        found = {"scores": scores[member], **gradients.to_dict(member)}
        place = f"depth {len(shape.layers)}, member {member + 1} of {members}"
        yield from way.compare(
            subject, {f"{n}, {place}": t for n, t in found.items()}, {f"{n}, {place}": t for n, t in expected.items()}
        )


def _masks(way: Way, shape: Shape, rate: float) -> list[Tensor]:
    shapes = [(_ROWS, units) for units in shape.hidden_dims]
    source = Masks(rate, shapes, seed=3, purpose="dropout", device=way.device)
    source.start_epoch(1)
    return source.draw()


def _plain_pass(activation: str, x: Tensor, params: Params, dscores: Tensor, masks: list[Tensor]) -> dict[str, Tensor]:
    """The scores of the plain layers, and their gradients by the parameters."""
    function = PLAIN_ACTIVATIONS[activation]
    hidden, dhidden, caches = x.double().cpu(), dscores.double().cpu(), []
    for layer, mask in enumerate(masks, start=1):
        hidden, linear = Linear.forward(hidden, params[f"W{layer}"], params[f"b{layer}"])
        hidden, active = function.forward(hidden)
        hidden = hidden * mask
        caches.append((linear, active))
    depth = len(masks) + 1
    scores, linear = Linear.forward(hidden, params[f"W{depth}"], params[f"b{depth}"])
    found = {"scores": scores}
    dhidden, found[f"W{depth}"], found[f"b{depth}"] = Linear.backward(dhidden, linear)
    for layer in range(depth - 1, 0, -1):
        linear, active = caches[layer - 1]
        dhidden = function.backward(dhidden * masks[layer - 1], active)
        dhidden, found[f"W{layer}"], found[f"b{layer}"] = Linear.backward(dhidden, linear)
    return found


def _loss_checks(way: Way) -> Iterator[Check]:
    for name in STACKED_LOSSES:
        yield from _loss_check(way, f"{name} loss", [TrialConfig(loss=name)])
        yield from _loss_check(way, f"{name} loss", [TrialConfig(loss=name, huber_delta=0.5 + i) for i in range(3)])
    smoothed = [TrialConfig(label_smoothing=share) for share in (0.0, 0.2, 0.5)]
    yield from _loss_check(way, "softmax loss, label smoothing", smoothed)
    weights = torch.tensor([0.0, 0.5, 1.0, 1.5, 3.0, 0.25]).to(way.device, way.dtype)
    for name in STACKED_LOSSES:
        mixed = [*smoothed, TrialConfig(loss="svm")] if name == "softmax" else [TrialConfig(loss=name)]
        yield from _loss_check(way, f"{name} loss, row weights", mixed, weights)


def _loss_check(
    way: Way, subject: str, configs: Sequence[TrialConfig], row_weights: Tensor | None = None
) -> Iterator[Check]:
    """Hold the losses of some members, and their gradients by the scores, to the plain ones."""
    regression = configs[0].loss in REGRESSION_LOSSES
    classes = 1 if regression else _CLASSES
    y = way.normal("targets", _ROWS) if regression else (torch.arange(_ROWS) % classes).to(way.device)
    targets = y.unsqueeze(0) if regression else one_hot(y.unsqueeze(0), classes, way.dtype)
    scores = 3 * way.normal("scores", len(configs), _ROWS, classes)
    dscores = scores.mT.clone(memory_format=torch.contiguous_format)
    total = torch.zeros_like(dscores)
    LaneLoss.training(configs, dscores, classes).apply(dscores, targets, total, row_weights)
    labels, weights = y.double().cpu() if regression else y.cpu(), None
    if row_weights is not None:
        weights = row_weights.double().cpu()
    for member, config in enumerate(configs):
        loss, expected = loss_of(
            config.loss, scores[member].double().cpu(), labels, label_smoothing=config.label_smoothing,
            huber_delta=config.huber_delta, weights=weights,
        )  # fmt: skip
        found = {"loss": total[member].sum() / _ROWS, "dscores": dscores[member].mT}
        yield from way.compare(subject, found, {"loss": loss, "dscores": expected})


def _rule_checks(way: Way, name: str, members: int) -> Iterator[Check]:
    """Make some steps of two epochs with settings that differ from member to member."""
    shape = _SHAPES[-1]
    weights, plain = _weights(way, shape, members)
    configs = [
        TrialConfig(
            update_rule=name, learning_rate=0.02 / (i + 1), momentum=0.5 + 0.2 * i, decay_rate=0.9 + 0.03 * i,
            beta1=0.5 + 0.2 * i, beta2=0.9 + 0.03 * i, epsilon=10.0 ** -(i + 2),
        )
        for i in range(members)
    ]  # fmt: skip
    gradients = Buffers.zeros(shape, members, device=way.device, dtype=way.dtype)
    state = [
        Buffers.zeros(shape, members, device=way.device, dtype=way.dtype) for _ in range(RULES[name].state_buffers)
    ]
    rule = RULES[name](configs, 0, weights.wide, state)
    bound = BoundRule(rule, weights, gradients)
    settings: list[dict[str, Config]] = [{key: _settings(config) for key in plain[0]} for config in configs]
    for step in range(4):
        rates = [config.learning_rate * (1 if step < 2 else 0.7) for config in configs]
        if step % 2 == 0:
            rule.prepare([rates], step, 2)
        drawn, steps = _weights(way, shape, members, f"gradient {step}")
        gradients.wide.copy_(drawn.wide)
        gradients.rest.copy_(drawn.rest)
        bound.update(step % 2)
        for i in range(members):
            for key, dw in steps[i].items():
                settings[i][key]["learning_rate"] = rates[i]
                plain[i][key], settings[i][key] = PLAIN_RULES[name](plain[i][key], dw, settings[i][key])
    for i in range(members):
        place = f"member {i + 1} of {members}"
        found = {f"{key}, {place}": tensor for key, tensor in weights.to_dict(i).items()}
        yield from way.compare(f"{name} steps", found, {f"{key}, {place}": w for key, w in plain[i].items()})


def _settings(config: TrialConfig) -> Config:
    return {name: getattr(config, name) for name in DEFAULTS[config.update_rule] if name != "weight_decay"}


def _weights(way: Way, shape: Shape, members: int, name: str = "") -> tuple[Buffers, list[dict[str, Tensor]]]:
    """Parameters of some members as the engine holds them, and the same for the plain net: float64 on the CPU."""
    drawn: list[dict[str, Tensor]] = []
    for member in range(members):
        own = {}
        for layer, (inputs, outputs) in enumerate(shape.layers, start=1):
            own[f"W{layer}"] = way.normal(f"{name} W{layer} {member}", inputs, outputs)
            own[f"b{layer}"] = way.normal(f"{name} b{layer} {member}", outputs)
        drawn.append(own)
    plain = [{key: tensor.double().cpu() for key, tensor in own.items()} for own in drawn]
    return stack(shape, drawn, device=way.device, dtype=way.dtype), plain
