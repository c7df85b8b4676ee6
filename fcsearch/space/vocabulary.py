"""What a space file may say, as tables: the validator and the JSON Schema both read these."""

from __future__ import annotations

from typing import Any

from fcsearch.config import HYPERPARAMETERS, Hyperparameter

TOP_LEVEL_KEYS = (
    *("name", "dataset", "task", "objective", "class_weight", "sampler", "trials", "early_stopping", "parameters"),
)
# Those that spaces of earlier versions do not have.
LATER_KEYS = ("task", "objective", "class_weight")
PARAMETER_KEYS = ("low", "high", "log", "step", "choices", "value", "when")

Json = dict[str, Any]

DEFAULT_DATASET = "digits"
DEFAULT_SAMPLER = "tpe"
DEFAULT_TRIALS = 50
NAME_SCHEMA: Json = {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}
TRIALS_SCHEMA: Json = {"type": "integer", "minimum": 1, "maximum": 10_000_000}

# The most layers that hidden_dims may name.
MAX_LAYERS = 999


def value_schema(parameter: Hyperparameter) -> Json:
    """The JSON Schema of one value of a hyperparameter, as a space file may say it."""
    if parameter.kind == "word":
        return {"enum": list(parameter.words)}
    if parameter.kind == "widths":
        return {"type": "array", "items": value_schema(HYPERPARAMETERS["hidden_dim"]), "maxItems": MAX_LAYERS}
    schema: Json = {"type": parameter.kind}
    if parameter.low is not None:
        schema["exclusiveMinimum" if parameter.low_open else "minimum"] = parameter.low
    if parameter.high is not None:
        schema["exclusiveMaximum" if parameter.high_open else "maximum"] = parameter.high
    if parameter.space_high is not None:
        schema["maximum"] = parameter.space_high
    if parameter.old_words:
        return {"anyOf": [schema, {"enum": list(parameter.old_words), "deprecated": True}]}
    return schema


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
