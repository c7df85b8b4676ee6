"""The JSON Schema says what the validator says, as far as a schema can."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fcsearch.config import HYPERPARAMETERS
from fcsearch.data.spec import DatasetSpec
from fcsearch.space import SearchSpace, space_schema
from fcsearch.space.json_schema import value_schema

FILES = sorted((Path(__file__).parents[2] / "search_spaces").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_files_validate_as_written_and_as_recorded(
    schema_accepts: Callable[[str], bool], load: Callable[..., SearchSpace], path: Path
) -> None:
    assert schema_accepts(path.read_text())
    assert schema_accepts(json.dumps(load(path.read_text()).to_json()))


@pytest.mark.parametrize(
    "text",
    [
        "parameters: {epochs: 3}",
        "parameters: {epochs: {value: 3}}",
        "parameters: {hidden_dims: {choices: [[], [5, 6]]}}",
        "parameters: {hidden_dims: [5]}",
        "parameters: {weight_scale: {low: 0.1, high: 0.2}}",
        "early_stopping: asha\nsampler: gp\nparameters: {epochs: 3}",
        "early_stopping:\nsampler: {name: qmc, scramble: true}\nparameters: {reg: {low: 0, high: 1}}",
        "dataset: {source: a.csv, label: y, drop: [z], weights: w}\nparameters: {epochs: 3}",
        "class_weight: balanced\nparameters: {epochs: 3}",
        "class_weight: {0: 1, yes: 2.5}\nparameters: {epochs: 3}",
        "parameters: {lr_decay: 0.9, label_smoothing: 0.1, weight_decay: {low: 1e-5, high: 1, log: true}}",
        "parameters: {lr_schedule: {choices: [cosine, exponential]}, input_dropout: {choices: [0, 0.2]}}",
        "parameters: {update_rule: adam, beta1: {low: 0, high: 0.5, when: {update_rule: [adam]}}}",
    ],
)
def test_both_accept(schema_accepts: Callable[[str], bool], load: Callable[..., SearchSpace], text: str) -> None:
    assert schema_accepts(text)
    load(text)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "trials: 3",
        "parameters: {}",
        "parameters: {epochs: 3}\nclass_weight: {}",
        "parameters: {epochs: 3}\nclass_weight: balance",
        "parameters: {lr_schedule: linear}",
        "parameters: {input_dropout: 1}",
        "parameters: {label_smoothing: -0.1}",
        "parameters: {weight_decay: {low: -1, high: 1}}",
        "parameters: {epochs: {choices: [3], when: {epochs: 3}}}",
        "parameters: {epochs: {choices: [3], when: {}}}",
        "parameters: {epochs: {choices: [3], when: {loss: hinge}}, loss: svm}",
        "parameters: {epochs: {choices: [3], when: {los: svm}}, loss: svm}",
    ],
)
def test_both_refuse(schema_accepts: Callable[[str], bool], refusal: Callable[..., str], text: str) -> None:
    """And what test_bad_parameters and test_bad_sections have."""
    assert not schema_accepts(text)
    assert refusal(text)


@pytest.mark.parametrize("name", HYPERPARAMETERS)
def test_the_schema_of_a_value_agrees_with_the_hyperparameter(name: str) -> None:
    """What a hyperparameter accepts its schema accepts, and nothing else, up to the space's upper limits."""
    validator = jsonschema.Draft202012Validator(value_schema(HYPERPARAMETERS[name]))
    probes: list[Any] = [-1, 0, 1, 2, 100, 0.0, 1e-9, 0.5, 0.999, 1.0, 1.5, -0.1, None, True]
    probes += ["kaiming", "adam", "sgd", "svm", "cosine", "x"]
    if name == "hidden_dims":
        probes = [[], [1], [64, 32], [0], [1.5], ["a"], [True]]
    for value in probes:
        if HYPERPARAMETERS[name].kind == "integer" and isinstance(value, float):
            continue  # to JSON Schema 1.0 is an integer
        accepted = HYPERPARAMETERS[name].accepts(value) or value in HYPERPARAMETERS[name].old_words
        assert validator.is_valid(value) == accepted, value


def test_dataset_options_are_those_of_the_data_room() -> None:
    mapping = space_schema()["properties"]["dataset"]["anyOf"][1]
    assert set(mapping["properties"]) == {field.name for field in dataclasses.fields(DatasetSpec)} - {"_"}


def options() -> dict[str, dict[str, Any]]:
    """Every key and option of a space beside its parameters."""
    properties = space_schema()["properties"]
    forms = [properties["dataset"]["anyOf"][1], *properties["sampler"]["anyOf"][1]["oneOf"]]
    forms.append(next(form for form in properties["early_stopping"]["anyOf"] if "properties" in form))
    inner = {f"{i}.{key}": part for i, form in enumerate(forms) for key, part in form["properties"].items()}
    return {**properties, **inner}


def test_every_key_and_parameter_is_described() -> None:
    for name, part in {**space_schema()["properties"]["parameters"]["properties"], **options()}.items():
        assert name.endswith("name") or len(part["description"]) > 10, name
        assert "\n" not in part.get("description", "")


def test_defaults_are_values_that_the_schema_accepts() -> None:
    given = {name: part for name, part in options().items() if "default" in part}
    assert {"trials", "0.source", "0.val_fraction"} <= given.keys()
    for name, part in given.items():
        assert jsonschema.Draft202012Validator(part).is_valid(part["default"]), name
