"""Spaces under Optuna: what is sampled, what is stored, and that it comes back as it was."""

import inspect
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from fcsearch.config import HYPERPARAMETERS, RULE_SETTINGS
from fcsearch.errors import SpaceError
from fcsearch.space import SearchSpace, load_space, space_schema

FILES = sorted((Path(__file__).parents[2] / "search_spaces").glob("*.yaml"))
SAMPLER_OPTIONS: dict[str, dict[str, Any]] = {
    form["properties"]["name"]["const"]: {key: part for key, part in form["properties"].items() if key != "name"}
    for form in space_schema()["properties"]["sampler"]["anyOf"][1]["oneOf"]
}

EVERYTHING = """
parameters:
  learning_rate: {low: 1e-4, high: 1e-1, log: true}
  epochs: {low: 3, high: 30, log: true}
  hidden_dims: {choices: [[64], [32, 16], []]}
  dropout: {low: 0.0, high: 0.5, step: 0.1}
  update_rule: {choices: [sgd, sgd_momentum, rmsprop, adam]}
  batch_size: {low: 50, high: 200, step: 50}
  weight_scale: {choices: [kaiming, 1e-2]}
  loss: {choices: [softmax, svm]}
  reg: {low: 0, high: 1e-2, when: {loss: svm}}
  lr_decay: 0.95
  momentum: {low: 0.8, high: 0.99}
  decay_rate: {choices: [0.9, 0.99]}
  epsilon: 1e-7
  beta1: {low: 0.8, high: 0.95, when: {update_rule: adam, loss: softmax}}
"""


def sampled(space: SearchSpace, n: int, sampler: optuna.samplers.BaseSampler | None = None) -> Any:
    """The configuration and the Optuna trial of `n` trials."""
    study = optuna.create_study(sampler=sampler or optuna.samplers.RandomSampler(seed=5))
    for value in range(n):
        trial = study.ask()
        parameters = space.suggest(trial)
        study.tell(trial, float(value))
        yield parameters, trial


def test_parameters_are_sampled_where_they_apply_and_only_there(load: Callable[..., SearchSpace]) -> None:
    seen: dict[str, int] = {}
    space = load(EVERYTHING)
    for parameters, trial in sampled(space, 300):
        rule = parameters["update_rule"]
        settings = {name for name, known in HYPERPARAMETERS.items() if (known.under or " ")[0] == "update_rule"}
        for setting in settings - {"beta1", "beta2"}:
            assert (setting in parameters) == (setting in RULE_SETTINGS[rule]), (setting, rule)
        assert ("beta1" in parameters) == (rule == "adam" and parameters["loss"] == "softmax")
        assert ("reg" in parameters) == (parameters["loss"] == "svm")
        assert ("dropout" in parameters) == (parameters["hidden_dims"] != ())
        assert parameters["lr_decay"] == 0.95
        # Optuna knows the same, constants aside.
        assert trial.params.keys() == parameters.keys() - {"lr_decay", "epsilon"}
        assert trial.distributions.items() <= space.distributions().items()
        for name in parameters:
            seen[name] = seen.get(name, 0) + 1
    assert set(seen) == set(space.parameters)
    assert 0 < seen["beta1"] < seen["momentum"] < seen["epsilon"] < 300


def test_types_and_bounds_of_what_is_sampled(load: Callable[..., SearchSpace]) -> None:
    every = [parameters for parameters, _ in sampled(load(EVERYTHING), 300)]
    assert {type(p["epochs"]) for p in every} == {int}
    assert {p["batch_size"] for p in every} == {50, 100, 150, 200}
    assert {p["hidden_dims"] for p in every} == {(64,), (32, 16), ()}
    assert {p["weight_scale"] for p in every} == {"kaiming", 0.01}
    assert {round(p["dropout"], 9) for p in every if "dropout" in p} == {0.0, 0.1, 0.2, 0.3, 0.4, 0.5}
    assert min(p["epochs"] for p in every) == 3
    rates = [p["learning_rate"] for p in every]
    assert 1e-4 <= min(rates) < 2e-4
    assert 5e-2 < max(rates) <= 1e-1
    assert 2e-3 < sorted(rates)[150] < 5e-3, "the middle of a log range is its geometric mean"


@pytest.mark.parametrize("text", [EVERYTHING, *(path.read_text() for path in FILES)])
def test_decode_undoes_encode_and_reads_what_optuna_stored(load: Callable[..., SearchSpace], text: str) -> None:
    space = load(text)
    for parameters, trial in sampled(space, 100):
        assert space.encode(parameters) == trial.params
        assert space.decode(space.encode(parameters)) == parameters
        # As the journal stores it: through JSON.
        decoded = space.decode(json.loads(json.dumps(trial.params)))
        assert decoded == parameters
        assert {name: type(value) for name, value in decoded.items()} == {n: type(v) for n, v in parameters.items()}
        assert space.trial_config(decoded, seed=3) == space.trial_config(parameters, seed=3)


def test_an_enqueued_configuration_is_the_one_that_is_suggested(load: Callable[..., SearchSpace]) -> None:
    space = load(EVERYTHING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for parameters, _ in list(sampled(space, 20)):
        study.enqueue_trial(space.encode(parameters))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert space.suggest(study.ask()) == parameters


def test_decode_refuses_a_trial_of_another_space(load: Callable[..., SearchSpace]) -> None:
    space = load("parameters: {hidden_dims: {choices: [[64], [32]]}, epochs: {low: 1, high: 5}}")
    assert space.decode({"hidden_dims": "32", "epochs": 3}) == {"hidden_dims": (32,), "epochs": 3}
    with pytest.raises(SpaceError, match="needs epochs; found hidden_dims"):
        space.decode({"hidden_dims": "32"})
    with pytest.raises(SpaceError, match="hidden_dims must be one of"):
        space.decode({"hidden_dims": "16", "epochs": 3})


@pytest.mark.parametrize("text", [EVERYTHING, *(path.read_text() for path in FILES)])
def test_json_round_trip(load: Callable[..., SearchSpace], text: str) -> None:
    space = load(text)
    stored = json.loads(json.dumps(space.to_json()))
    again = SearchSpace.from_json(stored)
    assert again == space
    assert list(again.parameters) == list(space.parameters)
    assert again.to_json() == stored
    first = [parameters for parameters, _ in sampled(space, 20)]
    assert [parameters for parameters, _ in sampled(again, 20)] == first


def test_a_recorded_space_is_a_space_file(load: Callable[..., SearchSpace]) -> None:
    space = load(EVERYTHING)
    assert load(json.dumps(space.to_json())) == space


def test_a_recorded_space_that_was_damaged_is_refused(load: Callable[..., SearchSpace]) -> None:
    stored = load(EVERYTHING).to_json()
    with pytest.raises(SpaceError, match="recorded space: trials is missing"):
        SearchSpace.from_json({key: value for key, value in stored.items() if key != "trials"})
    with pytest.raises(SpaceError, match="recorded space: trials: an integer from 1"):
        SearchSpace.from_json({**stored, "trials": "many"})
    with pytest.raises(SpaceError, match="unknown key 'extra'"):
        SearchSpace.from_json({**stored, "extra": 1})


def test_grid_holds_every_combination_once(load: Callable[..., SearchSpace]) -> None:
    space = load("""
sampler: grid
parameters:
  loss: {choices: [softmax, svm]}
  depth: {low: 1, high: 3}
  hidden_dim: {choices: [8, 16]}
  update_rule: {choices: [sgd, sgd_momentum]}
  momentum: {low: 0.5, high: 0.9, step: 0.2}
  reg: 0.1
""")
    grid = space.grid()
    # depth 1 has no width: 1 + 2 * 2 shapes; sgd has no momentum: 1 + 3 rules; two losses.
    assert len(grid) == 2 * (1 + 2 * 2) * (1 + 3)
    assert space.trials == 40
    assert len({tuple(sorted(item.items())) for item in grid}) == 40
    assert len({space.trial_config(item, seed=0) for item in grid}) == 40
    assert {item["momentum"] for item in grid if "momentum" in item} == {0.5, 0.7, 0.9}
    assert all(item["reg"] == 0.1 for item in grid)
    assert all(space.decode(space.encode(item)) == item for item in grid)
    assert [item["loss"] for item in grid] == ["softmax"] * 20 + ["svm"] * 20


def test_trials_of_a_grid_are_at_most_the_grid(load: Callable[..., SearchSpace]) -> None:
    text = "sampler: grid\nparameters: {epochs: {low: 1, high: 9}}"
    assert load(text).trials == 9
    assert load(text, "trials=4").trials == 4
    assert load(text, "trials=40").trials == 9


def test_grid_refuses_what_is_endless_or_huge(load: Callable[..., SearchSpace], refusal: Callable[..., str]) -> None:
    endless = load("parameters: {reg: {low: 0, high: 1}}")
    with pytest.raises(SpaceError, match=r"parameters\.reg is the continuous range 0 to 1"):
        endless.grid()
    huge = "sampler: grid\nparameters: {epochs: {low: 1, high: 1000}, depth: {low: 1, high: 1000}}"
    assert "at most 100000 combinations" in refusal(huge)


@pytest.mark.parametrize("name", ["tpe", "random", "qmc", "gp"])
def test_samplers_take_their_options_and_sample_the_full_space(name: str) -> None:
    """Every option in the table is an argument of Optuna's constructor, and no warning but Optuna's "experimental"."""
    values = {"boolean": False, "integer": 5}
    options = {
        option: schema["enum"][0] if "enum" in schema else values[schema["type"]]
        for option, schema in SAMPLER_OPTIONS[name].items()
    }
    makers: dict[str, Any] = {
        "tpe": optuna.samplers.TPESampler,
        "random": optuna.samplers.RandomSampler,
        "qmc": optuna.samplers.QMCSampler,
        "gp": optuna.samplers.GPSampler,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = makers[name](seed=1, **options)
        space = load_space(next(path for path in FILES if path.stem == "full"))
        count = sum(1 for _ in sampled(space, 8, sampler))
    assert count == 8


def test_options_of_cmaes_are_arguments_of_its_constructor() -> None:
    """Without building one: the package `cmaes` may be missing."""
    assert SAMPLER_OPTIONS["cmaes"].keys() <= set(inspect.signature(optuna.samplers.CmaEsSampler).parameters)


def test_a_range_of_one_value_is_a_range(load: Callable[..., SearchSpace]) -> None:
    space = load(
        "sampler: grid\n"
        "parameters: {epochs: {low: 3, high: 3, log: true}, reg: {low: 0.5, high: 0.5}, "
        "dropout: {low: 0, high: 0, step: 0.1}}"
    )
    expected = {"epochs": 3, "reg": 0.5, "dropout": 0.0}
    assert space.grid() == [expected]
    assert [parameters for parameters, _ in sampled(space, 2)] == [expected, expected]
