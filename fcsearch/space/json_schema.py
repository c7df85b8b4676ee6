"""The JSON Schema of a space file, for editors and other programs, from the tables that the validator reads."""

from __future__ import annotations

from typing import Any

from fcsearch.config import HYPERPARAMETERS, Hyperparameter
from fcsearch.refusals import Json, schema_of
from fcsearch.space.keys import SpaceFile
from fcsearch.space.reading import MAX_LAYERS


def space_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a space file.

    It refuses what a schema can refuse; `load_space` also refuses what only a reading of the whole can, such as low
    above high, conditions that form a circle, or a grid over a continuous range.
    """
    schema = schema_of(SpaceFile)
    properties = schema["properties"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "properties": {
            **properties,
            "tries": {**properties["tries"], "type": ["array", "null"], "items": _try()},
            "parameters": {**properties["parameters"], **_parameters()},
        },
        "$defs": {
            **{name: {**value_schema(h), "description": f"{h.meaning}."} for name, h in HYPERPARAMETERS.items()},
            "when": _when(),
        },
    }


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


def _object(properties: Json, *, required: list[str] | None = None) -> Json:
    """A mapping of these keys and no others."""
    schema: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def _ref(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def _try() -> Json:
    return {**_object({name: _ref(name) for name in HYPERPARAMETERS}), "minProperties": 1}


def _parameters() -> Json:
    both = "hidden_dims names the layers; depth and hidden_dim go without it."
    return {
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
