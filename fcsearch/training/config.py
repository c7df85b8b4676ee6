"""The configuration of one trial: every hyperparameter, validated once, frozen, saved as JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

from fcsearch.errors import ConfigError
from fcsearch.nn.schedules import LR_SCHEDULES

UpdateRule = Literal["sgd", "sgd_momentum", "rmsprop", "adam"]
Loss = Literal["softmax", "svm"]
LRSchedule = Literal["exponential", "cosine"]

UPDATE_RULES: tuple[str, ...] = get_args(UpdateRule)
LOSSES: tuple[str, ...] = get_args(Loss)

# Which settings of its own each update rule reads.
RULE_SETTINGS: dict[str, tuple[str, ...]] = {
    "sgd": (),
    "sgd_momentum": ("momentum",),
    "rmsprop": ("decay_rate", "epsilon"),
    "adam": ("beta1", "beta2", "epsilon"),
}

# Parameter -> which other parameter must have which values for it to be read; otherwise it does not apply to the trial.
APPLIES_UNDER: dict[str, tuple[str, tuple[str, ...]]] = {
    **{
        setting: ("update_rule", tuple(rule for rule in UPDATE_RULES if setting in RULE_SETTINGS[rule]))
        for settings in RULE_SETTINGS.values()
        for setting in settings
    },
    "lr_decay": ("lr_schedule", ("exponential",)),
    "label_smoothing": ("loss", ("softmax",)),
}


def _finite(value: Any) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float holds
        return False


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrialConfig:
    """One network and how it is trained.

    Attributes:
        hidden_dims: Units of each hidden layer, first to last; its length is depth - 1. Empty: a linear classifier.
        learning_rate: Step size of the first epoch, above 0.
        epochs: Passes over the training rows, at least 1.
        dropout: Probability of dropping a hidden unit, in [0, 1).
        input_dropout: Probability of dropping a feature of the input, in [0, 1). Members of a pack whose rates differ
            train less fast together: a mask of the rows is shared by members of one rate.
        update_rule: `sgd`, `sgd_momentum`, `rmsprop` or `adam`.
        batch_size: Rows in a minibatch, at least 1.
        reg: L2 strength; the loss gains `reg * sum(W**2)` over all weight matrices.
        weight_decay: Decoupled weight decay, at least 0: before each step the weight matrices shrink by the factor
            1 - rate * weight_decay, with the epoch's learning rate.
        lr_schedule: `exponential`: learning_rate * lr_decay**(epoch - 1); or `cosine`: from learning_rate in the first
            epoch towards 0 after the last one. See `fcsearch.nn.schedules`.
        lr_decay: Factor on the learning rate after every epoch, in (0, 1], under `exponential`.
        weight_scale: Standard deviation of the initial weights, or `kaiming` for sqrt(2 / fan_in).
        loss: `softmax` or `svm` (multiclass hinge, margin 1).
        label_smoothing: The part of each target that `softmax` spreads evenly over the classes, in [0, 1).
        momentum: Velocity kept by `sgd_momentum`, in [0, 1).
        decay_rate: Decay of the squared gradient's average in `rmsprop`, in [0, 1).
        beta1: Decay of Adam's first moment, in [0, 1).
        beta2: Decay of Adam's second moment, in [0, 1).
        epsilon: Added to the root in `rmsprop` and `adam`, above 0.
        seed: Key of every random draw: initial weights, dropout masks, minibatch order.

    Raises:
        ConfigError: a value outside its range.
    """

    hidden_dims: tuple[int, ...] = (100,)
    learning_rate: float = 1e-2
    epochs: int = 10
    dropout: float = 0.0
    input_dropout: float = 0.0
    update_rule: UpdateRule = "sgd"
    batch_size: int = 100
    reg: float = 0.0
    weight_decay: float = 0.0
    lr_schedule: LRSchedule = "exponential"
    lr_decay: float = 1.0
    weight_scale: float | Literal["kaiming"] = "kaiming"
    loss: Loss = "softmax"
    label_smoothing: float = 0.0
    momentum: float = 0.9
    decay_rate: float = 0.99
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    seed: int = 0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            check_parameter(field.name, getattr(self, field.name))
        object.__setattr__(self, "hidden_dims", tuple(self.hidden_dims))

    @property
    def depth(self) -> int:
        """Number of Linear layers."""
        return len(self.hidden_dims) + 1

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any], *, seed: int) -> TrialConfig:
        """Build the configuration that a sampled set of parameters describes.

        Args:
            parameters: Values by parameter name, as a space names them: `hidden_dims`, or `depth` and `hidden_dim`
                (defaults 2 and 100); those not named take their defaults.
            seed: The trial's seed.
        """
        values = dict(parameters)
        depth = values.pop("depth", 2)
        hidden_dim = values.pop("hidden_dim", 100)
        check_parameter("depth", depth)
        check_parameter("hidden_dim", hidden_dim)
        values.setdefault("hidden_dims", (hidden_dim,) * (depth - 1))
        unknown = sorted(set(values) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise ConfigError(f"unknown parameter {unknown[0]!r}")
        return cls(**{**values, "seed": seed})

    def parameters(self) -> dict[str, Any]:
        """Every parameter under its own name, None where it does not apply: the columns of the `trials` table."""
        values = dataclasses.asdict(self)
        del values["seed"]
        for name, (parent, readers) in APPLIES_UNDER.items():
            if getattr(self, parent) not in readers:
                values[name] = None
        widths = set(self.hidden_dims)
        values["depth"] = self.depth
        values["hidden_dim"] = widths.pop() if len(widths) == 1 else None
        return values

    def to_json(self) -> dict[str, Any]:
        """The configuration as JSON types."""
        return {**dataclasses.asdict(self), "hidden_dims": list(self.hidden_dims)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrialConfig:
        """Read what `to_json` wrote; a field that an earlier version did not have takes its default."""
        return cls(**{**values, "hidden_dims": tuple(values["hidden_dims"])})


_CHECKS: dict[str, tuple[str, Any]] = {
    "hidden_dims": (
        "a list of integers, each at least 1",
        lambda v: isinstance(v, (list, tuple)) and all(_whole(h) and h >= 1 for h in v),
    ),
    "depth": ("an integer of at least 1", lambda v: _whole(v) and v >= 1),
    "hidden_dim": ("an integer of at least 1", lambda v: _whole(v) and v >= 1),
    "learning_rate": ("a number above 0", lambda v: _finite(v) and v > 0),
    "epochs": ("an integer of at least 1", lambda v: _whole(v) and v >= 1),
    "dropout": ("a number in [0, 1): the probability of dropping a unit", lambda v: _finite(v) and 0 <= v < 1),
    "input_dropout": ("a number in [0, 1): the probability of dropping a feature", lambda v: _finite(v) and 0 <= v < 1),
    "update_rule": (f"one of {', '.join(UPDATE_RULES)}", lambda v: v in UPDATE_RULES),
    "batch_size": ("an integer of at least 1", lambda v: _whole(v) and v >= 1),
    "reg": ("a number of at least 0", lambda v: _finite(v) and v >= 0),
    "weight_decay": ("a number of at least 0", lambda v: _finite(v) and v >= 0),
    "lr_schedule": (f"one of {', '.join(LR_SCHEDULES)}", lambda v: v in LR_SCHEDULES),
    "lr_decay": ("a number in (0, 1]", lambda v: _finite(v) and 0 < v <= 1),
    "weight_scale": ("a number above 0, or kaiming", lambda v: v == "kaiming" or (_finite(v) and v > 0)),
    "loss": (f"one of {', '.join(LOSSES)}", lambda v: v in LOSSES),
    "label_smoothing": ("a number in [0, 1)", lambda v: _finite(v) and 0 <= v < 1),
    "momentum": ("a number in [0, 1)", lambda v: _finite(v) and 0 <= v < 1),
    "decay_rate": ("a number in [0, 1)", lambda v: _finite(v) and 0 <= v < 1),
    "beta1": ("a number in [0, 1)", lambda v: _finite(v) and 0 <= v < 1),
    "beta2": ("a number in [0, 1)", lambda v: _finite(v) and 0 <= v < 1),
    "epsilon": ("a number above 0", lambda v: _finite(v) and v > 0),
    "seed": ("an integer of at least 0", lambda v: _whole(v) and v >= 0),
}

PARAMETER_NAMES: tuple[str, ...] = tuple(name for name in _CHECKS if name != "seed")


def check_parameter(name: str, value: Any) -> None:
    """Raise ConfigError unless `value` is one that the parameter called `name` accepts."""
    requirement, accepts = _CHECKS[name]
    if not accepts(value):
        raise ConfigError(f"{name} must be {requirement}; found {value!r}")
