"""Whole training by the engine, alone and in packs of members that differ in all settings, held to the plain net's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch

from fcsearch.config import InputForm, TrialConfig
from fcsearch.nn.activations import ACTIVATIONS
from fcsearch.nn.gradcheck import Check
from fcsearch.nn.losses import LOSSES, REGRESSION_LOSSES
from fcsearch.nn.random import generator
from fcsearch.nn.schedules import LR_SCHEDULES
from fcsearch.nn.update_rules import RULES
from fcsearch.training.checks.plain import PlainEpoch, train_plainly
from fcsearch.training.checks.way import Way
from fcsearch.training.data import TrainingData
from fcsearch.training.metrics import EpochMetrics, MemberResult
from fcsearch.training.pack import train_pack

_CLASSES = 5
# What rules that divide by the root of a mean square do with a gradient near 0 depends on its last bits; a large
# epsilon keeps that out of the comparison.
_BASE: dict[str, Any] = {"hidden_dims": (9, 7), "learning_rate": 0.02, "epochs": 3, "batch_size": 16, "epsilon": 1e-2}
_ONE_BY_ONE: dict[str, dict[str, Any]] = {
    "L2": {"reg": 0.02},
    "weight decay": {"weight_decay": 2.0},
    "dropout": {"dropout": 0.4},
    "input dropout": {"input_dropout": 0.3},
    "label smoothing": {"label_smoothing": 0.3},
    "no hidden layer": {"hidden_dims": (), "input_dropout": 0.2, "reg": 0.01},
    "one hidden layer": {"hidden_dims": (6,), "dropout": 0.3, "batch_size": 11},
    "four hidden layers": {"hidden_dims": (9, 4, 8, 5), "dropout": 0.1, "seed": 5},
}


@dataclasses.dataclass(frozen=True)
class Case:
    """A pack whose members are compared with the plain net.

    Attributes:
        data: The rows, float64 on the CPU.
        members: What each member shows, and its configuration.
        plain: Each member by the plain net.
    """

    data: TrainingData
    members: tuple[tuple[str, TrialConfig], ...]
    plain: tuple[list[PlainEpoch], ...]

    @classmethod
    def of(cls, data: TrainingData, members: list[tuple[str, TrialConfig]], device: torch.device) -> Case:
        """Train the members by the plain net, with the random bits of a device."""
        return cls(data, tuple(members), tuple(train_plainly(config, data, device) for _, config in members))


def training_cases(device: torch.device) -> list[Case]:
    """The packs that are compared: small nets of every setting, and large ones that the engine cuts into parts."""
    cases = [(_data(12), _varied()), (_data(600), _large()), (_targets(), _regressions())]
    cases.append((dataclasses.replace(_data(12), form=InputForm("periodic"), numbers=9), _embedding()))
    cases += [(_weighted(_data(12)), _classifiers()), (_weighted(_targets()), _regressions("row weights, "))]
    return [Case.of(data, members, device) for data, members in cases]


def training_checks(case: Case, way: Way) -> Iterator[Check]:
    """Train the members of a case by the engine, alone and together, and compare both with the plain net."""
    data = TrainingData.from_arrays(
        case.data.X_train, case.data.y_train, case.data.X_val, case.data.y_val, num_classes=case.data.num_classes,
        target_scale=case.data.target_scale, row_weights=case.data.row_weights, form=case.data.form,
        numbers=case.data.numbers, device=way.device, dtype=way.dtype,
    )  # fmt: skip
    configs = [config for _, config in case.members]
    together = train_pack(configs, data)
    for (subject, config), plain, packed in zip(case.members, case.plain, together, strict=True):
        for company, result in (("alone", train_pack([config], data)[0]), ("in a pack", packed)):
            yield from _compare(f"training, {subject}", company, result, plain, way)


def _compare(subject: str, company: str, result: MemberResult, plain: list[PlainEpoch], way: Way) -> Iterator[Check]:
    found, expected = {}, {}
    best = plain[(result.best_epoch or 1) - 1]
    for name, tensor in best.params.items():
        found[f"{name} {company}"], expected[f"{name} {company}"] = result.weights.get(name, tensor[:0]), tensor
    for name in plain[0].measured:
        found[f"{name} {company}"] = torch.tensor([_measured(e, name) for e in result.epochs], dtype=torch.float64)
        expected[f"{name} {company}"] = torch.stack([epoch.measured[name] for epoch in plain])
    yield from way.compare(subject, found, expected)


def _measured(values: EpochMetrics, name: str) -> float:
    value = getattr(values, name) if hasattr(values, name) else values.val.get(name)
    return float("nan") if value is None else value


def _varied() -> list[tuple[str, TrialConfig]]:
    members = [(subject, TrialConfig(**{**_BASE, **changes})) for subject, changes in _ONE_BY_ONE.items()]
    members += [(f"{name} loss", _config(loss=name)) for name in LOSSES if name not in REGRESSION_LOSSES]
    members += [(name, _config(activation=name, learning_rate=0.1)) for name in ACTIVATIONS]
    members += [(f"{name}, dropout", _config(activation=name, dropout=0.3)) for name in ACTIVATIONS]
    members += [(f"{name} rate", _config(lr_schedule=name, lr_decay=0.6)) for name in LR_SCHEDULES]
    for number, rule in enumerate(RULES):
        members.append((rule, _config(update_rule=rule)))
        # And with all that there is, each of them other than its neighbour's.
        changes: dict[str, Any] = {
            "learning_rate": 0.01 + 0.004 * number, "momentum": 0.5 + 0.05 * number, "decay_rate": 0.9 - 0.04 * number,
            "beta1": 0.8 - 0.03 * number, "beta2": 0.95 - 0.02 * number, "epsilon": 0.01 + 0.003 * number,
            "dropout": 0.1 * (number % 4), "reg": 0.004 * number, "weight_decay": 0.5 * number, "lr_decay": 0.8,
            "label_smoothing": 0.1 * (number % 3), "lr_schedule": LR_SCHEDULES[number % 2], "epochs": 2 + number % 2,
        }  # fmt: skip
        members.append((rule, _config(update_rule=rule, **changes)))
    return members


def _regressions(what: str = "") -> list[tuple[str, TrialConfig]]:
    return [(f"{what}{name} loss", _config(loss=name, huber_delta=0.7, dropout=0.2)) for name in REGRESSION_LOSSES]


def _classifiers() -> list[tuple[str, TrialConfig]]:
    """Those whose rows have weights."""
    members = [(f"row weights, {name} loss", _config(loss=name)) for name in LOSSES if name not in REGRESSION_LOSSES]
    return [*members, ("row weights, label smoothing", _config(label_smoothing=0.3, dropout=0.2, reg=0.02))]


def _embedding() -> list[tuple[str, TrialConfig]]:
    """Those that embed numbers; each with another size or scale than its neighbour."""
    shared: dict[str, Any] = {"preprocessing": "periodic", "frequencies": 5, "embedding_dim": 3}
    one_by_one: dict[str, dict[str, Any]] = {
        "embedding": {},
        "embedding, frequency scale": {"frequency_scale": 0.8, "learning_rate": 0.03},
        "embedding, one frequency": {"frequencies": 1, "embedding_dim": 4},
        "embedding, dropout": {"dropout": 0.4, "input_dropout": 0.3},
        "embedding, L2 and weight decay": {"reg": 0.02, "weight_decay": 2.0},
        "embedding, no hidden layer": {"hidden_dims": (), "input_dropout": 0.2, "reg": 0.01},
    }
    members = [(subject, _config(**{**shared, **changes})) for subject, changes in one_by_one.items()]
    return members + [(f"embedding, {rule}", _config(**shared, update_rule=rule)) for rule in RULES]


def _large() -> list[tuple[str, TrialConfig]]:
    """Layers of more values than the engine updates at once."""
    shape = {"hidden_dims": (256, 300), "epochs": 1, "batch_size": 20, "weight_decay": 0.5, "reg": 1e-3}
    return [("large layers", _config(update_rule=rule, **shape)) for rule in RULES]


def _config(**changes: Any) -> TrialConfig:
    return TrialConfig(**{**_BASE, **changes})


def _targets() -> TrainingData:
    data = _data(12)
    draw = generator(0, "engine check", "targets")
    y = torch.randn(58, generator=draw, dtype=torch.float32).double()
    rows = data.X_train, y[:40], data.X_val, y[40:]
    return TrainingData.from_arrays(*rows, num_classes=0, target_scale=3.5, dtype=torch.float64)


def _data(features: int) -> TrainingData:
    draw = generator(0, "engine check", "rows", features)
    X = torch.randn(58, features, generator=draw, dtype=torch.float32).double()  # exact in either type
    y = torch.randint(_CLASSES, (58,), generator=draw)
    return TrainingData.from_arrays(X[:40], y[:40], X[40:], y[40:], num_classes=_CLASSES, dtype=torch.float64)


def _weighted(data: TrainingData) -> TrainingData:
    """The same rows, every third of which counts for nothing, and the others from once to thrice."""
    weights = 1 + torch.arange(len(data.X_train), dtype=torch.float64) % 9 / 4
    weights[::3] = 0
    return dataclasses.replace(data, row_weights=weights)
