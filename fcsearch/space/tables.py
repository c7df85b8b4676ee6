"""What a space file may say, as tables: the validator and the JSON Schema both read these."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from fcsearch.nn.schedules import LR_SCHEDULES
from fcsearch.training.config import LOSSES, UPDATE_RULES, TrialConfig

TOP_LEVEL_KEYS = ("name", "dataset", "sampler", "trials", "early_stopping", "parameters")
PARAMETER_KEYS = ("low", "high", "log", "step", "choices", "value", "when")

Json = dict[str, Any]

DEFAULT_DATASET = "digits"
DEFAULT_SAMPLER = "tpe"
DEFAULT_TRIALS = 50
NAME_SCHEMA: Json = {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}
TRIALS_SCHEMA: Json = {"type": "integer", "minimum": 1, "maximum": 10_000_000}

_PROBABILITY: Json = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
_POSITIVE: Json = {"type": "number", "exclusiveMinimum": 0}


def _integer(maximum: int) -> Json:
    return {"type": "integer", "minimum": 1, "maximum": maximum}


@dataclasses.dataclass(frozen=True)
class Kind:
    """What the values of a parameter are.

    Attributes:
        kind: `integer`, `number`, `word`, or `widths` (a list of integers).
        schema: The JSON Schema of one value. `fcsearch.training.check_parameter` decides what is valid; tests hold the
            two to each other. Upper limits are the space's own: they catch a slipped zero before it fills the memory.
        meaning: A line for people.
    """

    kind: Literal["integer", "number", "word", "widths"]
    schema: Json
    meaning: str

    @property
    def maximum(self) -> int | None:
        """The largest integer, where the parameter is one."""
        limit: int | None = self.schema.get("maximum") if self.kind == "integer" else None
        return limit


_WIDTH = _integer(65_536)

KINDS: dict[str, Kind] = {
    "learning_rate": Kind("number", _POSITIVE, "Step size of the first epoch."),
    "epochs": Kind("integer", _integer(1_000_000), "Passes over the training rows."),
    "depth": Kind("integer", _integer(1_000), "Number of Linear layers; 1 is a linear classifier."),
    "hidden_dim": Kind("integer", _WIDTH, "Units of every hidden layer."),
    "hidden_dims": Kind(
        "widths",
        {"type": "array", "items": _WIDTH, "maxItems": 999},
        "Units of each hidden layer, first to last; instead of depth and hidden_dim.",
    ),
    "dropout": Kind("number", _PROBABILITY, "Probability of dropping a hidden unit."),
    "input_dropout": Kind(
        "number",
        _PROBABILITY,
        "Probability of dropping a feature of the input. Trials of one rate train fastest together: prefer choices.",
    ),
    "update_rule": Kind("word", {"enum": list(UPDATE_RULES)}, "How a gradient changes the weights."),
    "batch_size": Kind("integer", _integer(10_000_000), "Rows in a minibatch."),
    "reg": Kind("number", {"type": "number", "minimum": 0}, "L2 strength: the loss gains reg * sum(W**2)."),
    "weight_decay": Kind(
        "number",
        {"type": "number", "minimum": 0},
        "Decoupled weight decay: every step first shrinks the weights by learning_rate * weight_decay, as AdamW does.",
    ),
    "lr_schedule": Kind(
        "word",
        {"enum": list(LR_SCHEDULES)},
        "How the learning rate falls: exponential, by lr_decay, or cosine, towards 0 after the last epoch.",
    ),
    "lr_decay": Kind(
        "number",
        {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "Factor on the learning rate after every epoch.",
    ),
    "weight_scale": Kind(
        "number",
        {"anyOf": [_POSITIVE, {"const": "kaiming"}]},
        "Standard deviation of the initial weights, or kaiming for sqrt(2 / fan_in).",
    ),
    "loss": Kind("word", {"enum": list(LOSSES)}, "What is minimised."),
    "label_smoothing": Kind(
        "number", _PROBABILITY, "The part of each target that the loss spreads evenly over the classes."
    ),
    "momentum": Kind("number", _PROBABILITY, "Velocity kept by sgd_momentum."),
    "decay_rate": Kind("number", _PROBABILITY, "Decay of the squared gradient's average in rmsprop."),
    "beta1": Kind("number", _PROBABILITY, "Decay of adam's first moment."),
    "beta2": Kind("number", _PROBABILITY, "Decay of adam's second moment."),
    "epsilon": Kind("number", _POSITIVE, "Added to the root in rmsprop and adam."),
}

_PLAIN = TrialConfig()
# The value that a parameter has in a trial whose space does not name it, or in which it does not apply.
DEFAULTS: dict[str, Any] = {
    **{name: getattr(_PLAIN, name) for name in KINDS if name != "hidden_dim"},
    "hidden_dim": _PLAIN.hidden_dims[0],
}

# These do something only where there is a hidden layer.
HIDDEN_LAYER_PARAMETERS = ("hidden_dim", "dropout")

_COUNT: Json = {"type": "integer", "minimum": 0, "maximum": 1_000_000}
_COUNT_FROM_1: Json = {"type": "integer", "minimum": 1, "maximum": 1_000_000}
_SWITCH: Json = {"type": "boolean"}

# Sampler -> option -> JSON Schema of its value. The names are those of Optuna's constructors, without what Optuna has
# deprecated and what takes a Python object. The seed is the run's (`--seed`).
SAMPLER_OPTIONS: dict[str, dict[str, Json]] = {
    "tpe": {
        "n_startup_trials": _COUNT,
        "n_ei_candidates": _COUNT_FROM_1,
        "multivariate": _SWITCH,
        "group": _SWITCH,
        "constant_liar": _SWITCH,
    },
    "random": {},
    "grid": {},
    "qmc": {"qmc_type": {"enum": ["sobol", "halton"]}, "scramble": _SWITCH},
    "cmaes": {
        "n_startup_trials": _COUNT,
        "popsize": {"type": "integer", "minimum": 2, "maximum": 1_000_000},
        "consider_pruned_trials": _SWITCH,
        "use_separable_cma": _SWITCH,
        "with_margin": _SWITCH,
        "lr_adapt": _SWITCH,
    },
    "gp": {"n_startup_trials": _COUNT, "deterministic_objective": _SWITCH},
}
EARLY_STOPPING_OPTIONS: dict[str, Json] = {
    "method": {"enum": ["asha"]},
    "min_epochs": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
    "reduction_factor": {"type": "integer", "minimum": 2, "maximum": 1_000},
}
