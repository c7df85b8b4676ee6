"""The JSON Schema of a space file, for editors and other programs, from the tables that the validator reads."""

from __future__ import annotations

from typing import Any

from fcsearch.config import HYPERPARAMETERS, Hyperparameter
from fcsearch.config.objective import OBJECTIVES, TASKS
from fcsearch.data.spec import DATASET_NAMES, MOST_BINS, MOST_FOLDS, PREPROCESSINGS
from fcsearch.space.vocabulary import (
    DEFAULT_TRIALS,
    EARLY_STOPPING_OPTIONS,
    NAME_SCHEMA,
    SAMPLER_OPTIONS,
    TRIALS_SCHEMA,
    Json,
    value_schema,
)

_TEXT: Json = {"type": "string", "minLength": 1}
_TEXT_OR_NONE: Json = {"type": ["string", "null"], "minLength": 1}
_COUNT_OR_NONE: Json = {"type": ["integer", "null"], "minimum": 1}
_CLASS_WEIGHT: Json = {
    "anyOf": [
        {"enum": ["balanced", None]},
        {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}, "minProperties": 1},
    ],
}
_DATASET_OPTIONS: dict[str, Json] = {
    "source": {**_TEXT, "description": f"{', '.join(DATASET_NAMES)}, openml:<name or id>, or a path."},
    "task": {"enum": [*TASKS, None], "description": "As the space's own key."},
    "label": {**_TEXT_OR_NONE, "description": "Column of the classes."},
    "group": {**_TEXT_OR_NONE, "description": "Column of groups of rows; each lies whole in one split."},
    "time": {**_TEXT_OR_NONE, "description": "Column of times; training rows are the earliest, test rows the latest."},
    "test": {**_TEXT_OR_NONE, "description": "Path of the test split."},
    "val_fraction": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    "test_fraction": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
    "preprocessing": {"enum": list(PREPROCESSINGS)},
    "bins": {"type": ["integer", "null"], "minimum": 2, "maximum": MOST_BINS, "description": "Of piecewise."},
    "folds": {
        **{"type": ["integer", "null"], "minimum": 1, "maximum": MOST_FOLDS},
        "description": "A trial is the mean over so many folds of the rows that are no test rows.",
    },
    "num_train": {**_COUNT_OR_NONE, "description": "Keep only this many rows of the training split."},
    "num_val": {**_COUNT_OR_NONE, "description": "Keep only this many rows of the validation split."},
    "drop": {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        "description": "Columns that are left out.",
    },
    "weights": {**_TEXT_OR_NONE, "description": "Column that says how much each row counts in training."},
    "class_weight": {**_CLASS_WEIGHT, "description": "As the space's own key."},
    "split_seed": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    "data_dir": {**_TEXT_OR_NONE, "description": "Folder with the files of a named dataset."},
}


def space_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a space file.

    It refuses what a schema can refuse; `load_space` also refuses what only a reading of the whole can, such as low
    above high, conditions that form a circle, or a grid over a continuous range.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "fcsearch search space",
        "description": "What `fcsearch run FILE` searches.",
        **_object(_sections(), required=["parameters"]),
        "$defs": {
            **{name: {**value_schema(h), "description": f"{h.meaning}."} for name, h in HYPERPARAMETERS.items()},
            "when": _when(),
        },
    }


def _object(properties: Json, *, required: list[str] | None = None) -> Json:
    """A mapping of these keys and no others."""
    schema: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def _ref(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def _sections() -> Json:
    stopping = _object(EARLY_STOPPING_OPTIONS)
    return {
        "name": {**NAME_SCHEMA, "description": "What the run is called; by default the file's name."},
        "dataset": {
            "description": "What is learned; by default digits. A path is relative to the current folder.",
            "anyOf": [_TEXT, _object(_DATASET_OPTIONS)],
        },
        "task": {
            "enum": [*TASKS, None],
            "description": "What is learned; by default found from the label: quantities are a regression.",
        },
        "objective": {
            "enum": [*OBJECTIVES, None],
            "description": "The figure on validation rows that the search improves; by default accuracy, or rmse.",
        },
        "class_weight": {
            **_CLASS_WEIGHT,
            "description": "How much the rows of each class count in training: balanced, or numbers by class.",
        },
        "sampler": {
            "description": "Which sampler suggests, by default tpe; a mapping adds options of Optuna's constructor.",
            "anyOf": [{"enum": list(SAMPLER_OPTIONS)}, *(_sampler(name) for name in SAMPLER_OPTIONS)],
        },
        "trials": {
            **TRIALS_SCHEMA,
            "description": f"How many configurations are tried; by default {DEFAULT_TRIALS}, under grid all of it.",
        },
        "early_stopping": {
            "description": "When trials that fall behind are stopped; by default never.",
            "anyOf": [{"type": "null"}, EARLY_STOPPING_OPTIONS["method"], stopping],
        },
        "parameters": _parameters(),
    }


def _sampler(name: str) -> Json:
    return _object({"name": {"const": name}, **SAMPLER_OPTIONS[name]}, required=["name"])


def _parameters() -> Json:
    both = "hidden_dims names the layers; depth and hidden_dim go without it."
    return {
        "description": "Constants, choices and ranges by parameter; those not named have their defaults.",
        **_object({name: _parameter(name) for name in HYPERPARAMETERS}),
        "minProperties": 1,
        # A setting that the default of its parent does not read needs the parent to be named.
        "dependentRequired": {name: parents for name in HYPERPARAMETERS if (parents := _required_parents(name))},
        "dependentSchemas": {
            "hidden_dims": {"description": both, "properties": {"depth": False, "hidden_dim": False}},
        },
    }


def _parameter(name: str) -> Json:
    """A constant, or a mapping with value, with choices, or with low and high."""
    when: Json = {"when": {"allOf": [_ref("when"), {"properties": {name: False}}]}}
    choices = {"type": "array", "items": _ref(name), "minItems": 1, "uniqueItems": True}
    forms = [
        _ref(name),
        _object({"value": _ref(name), **when}, required=["value"]),
        _object({"choices": choices, **when}, required=["choices"]),
    ]
    if HYPERPARAMETERS[name].kind in ("integer", "number"):
        forms.append(_range(name, when))
    return {"description": _describe(HYPERPARAMETERS[name]), "anyOf": forms}


def _required_parents(name: str) -> list[str]:
    """The parent of a parameter that the parent's default does not read, unless naming the one implies the other."""
    parameter = HYPERPARAMETERS[name]
    if parameter.under is None or parameter.implies_parent:
        return []
    parent, values = parameter.under
    return [] if HYPERPARAMETERS[parent].default in values else [parent]


def _describe(parameter: Hyperparameter) -> str:
    """What the parameter is, and when it applies by itself."""
    if parameter.under is not None:
        return f"{parameter.meaning}. Sampled only where {parameter.under[0]} is {' or '.join(parameter.under[1])}."
    if parameter.needs_hidden_layer:
        return f"{parameter.meaning}. Sampled only where there is a hidden layer."
    return f"{parameter.meaning}."


def _range(name: str, when: Json) -> Json:
    number = HYPERPARAMETERS[name].kind
    bound: Json = {"allOf": [_ref(name), {"type": number}]}
    step = {"type": number, "exclusiveMinimum": 0}
    schema = _object(
        {"low": bound, "high": bound, "log": {"type": "boolean"}, "step": step, **when}, required=["low", "high"]
    )
    log = {"properties": {"log": {"const": True}}, "required": ["log"]}
    return {**schema, "if": log, "then": {"properties": {"low": {"exclusiveMinimum": 0}, "step": False}}}


def _when() -> Json:
    """Conditions: a value, or a list of values any of which will do, by parameter."""
    fields: Json = {
        name: {"anyOf": [_ref(name), {"type": "array", "items": _ref(name), "minItems": 1}]} for name in HYPERPARAMETERS
    }
    return {
        "description": "Applies only in trials in which these parameters have these values (a list: any of them).",
        **_object(fields),
        "minProperties": 1,
    }
