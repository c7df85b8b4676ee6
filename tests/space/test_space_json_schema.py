"""The JSON Schema says what the validator says, as far as a schema can."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fcsearch.config import HYPERPARAMETERS
from fcsearch.data.spec import DatasetSpec
from fcsearch.space import SearchSpace, space_schema
from fcsearch.space.document import read_text
from fcsearch.space.json_schema import value_schema

FILES = sorted((Path(__file__).parents[2] / "search_spaces").glob("*.yaml"))


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(space_schema())
    return jsonschema.Draft202012Validator(space_schema())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_files_validate_as_written_and_as_recorded(
    schema: jsonschema.Draft202012Validator, load: Callable[..., SearchSpace], path: Path
) -> None:
    schema.validate(read_text(path.read_text(), str(path)).plain())
    schema.validate(load(path.read_text()).to_json())


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
def test_both_accept(schema: jsonschema.Draft202012Validator, load: Callable[..., SearchSpace], text: str) -> None:
    schema.validate(read_text(text, "x").plain())
    load(text)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "trials: 3",
        "parameters: {}",
        "parameters: {epochs: 3}\nseed: 3",
        "parameters: {epochs: 3}\nname: a/b",
        "parameters: {epochs: 3}\ntrials: 0",
        "parameters: {epochs: 3}\ntrials: true",
        "parameters: {epochs: 3}\nsampler: tpee",
        "parameters: {epochs: 3}\nsampler: {n_startup_trials: 3}",
        "parameters: {epochs: 3}\nsampler: {name: random, n_startup_trials: 3}",
        "parameters: {epochs: 3}\nsampler: {name: tpe, n_startup_trials: -1}",
        "parameters: {epochs: 3}\nearly_stopping: hyperband",
        "parameters: {epochs: 3}\nearly_stopping: {reduction_factor: 1}",
        "parameters: {epochs: 3}\nearly_stopping: {eta: 3}",
        "parameters: {epochs: 3}\ndataset: {num_trian: 3}",
        "parameters: {epochs: 3}\ndataset: 3",
        "parameters: {epochs: 3}\nclass_weight: {}",
        "parameters: {epochs: 3}\nclass_weight: balance",
        "parameters: {epochs: 3}\nclass_weight: {a: -1}",
        "parameters: {epoch: 3}",
        "parameters: {epochs: 0}",
        "parameters: {epochs: 2.5}",
        "parameters: {epochs: true}",
        "parameters: {epochs: '3'}",
        "parameters: {epochs: }",
        "parameters: {epochs: {low: 1}}",
        "parameters: {epochs: {low: 1, high: 2.5}}",
        "parameters: {epochs: {low: 1, high: 2, choices: [1]}}",
        "parameters: {epochs: {choices: []}}",
        "parameters: {epochs: {choices: [1, 1]}}",
        "parameters: {epochs: {choices: [1], log: true}}",
        "parameters: {epochs: {low: 1, high: 3, log: 1}}",
        "parameters: {epochs: {low: 1, high: 3, log: true, step: 1}}",
        "parameters: {epochs: {low: 1, high: 3, step: 0.5}}",
        "parameters: {reg: {low: 0, high: 3, log: true}}",
        "parameters: {reg: {low: 0, high: 3, step: 0}}",
        "parameters: {dropout: 1}",
        "parameters: {learning_rate: [0.1, 0.2]}",
        "parameters: {learning_rate: {choices: [0.1, fast]}}",
        "parameters: {update_rule: adm}",
        "parameters: {update_rule: {low: 1, high: 2}}",
        "parameters: {weight_scale: {low: 0.1, high: kaiming}}",
        "parameters: {hidden_dims: 5}",
        "parameters: {hidden_dims: [0]}",
        "parameters: {hidden_dims: [5], depth: 2}",
        "parameters: {hidden_dims: [5], hidden_dim: 2}",
        "parameters: {momentum: 0.9}",
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
def test_both_refuse(schema: jsonschema.Draft202012Validator, refusal: Callable[..., str], text: str) -> None:
    assert not schema.is_valid(read_text(text, "x").plain())
    assert refusal(text)


@pytest.mark.parametrize("name", HYPERPARAMETERS)
def test_the_schema_of_a_value_agrees_with_the_hyperparameter(name: str) -> None:
    """What a hyperparameter accepts its schema accepts, and nothing else, up to the space's upper limits."""
    validator = jsonschema.Draft202012Validator(value_schema(HYPERPARAMETERS[name]))
    probes: list[Any] = [
        -1,
        0,
        1,
        2,
        100,
        0.0,
        1e-9,
        0.5,
        0.999,
        1.0,
        1.5,
        -0.1,
        "kaiming",
        "adam",
        "sgd",
        "svm",
        "cosine",
        "x",
        None,
        True,
    ]
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
