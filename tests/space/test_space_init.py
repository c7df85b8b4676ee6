"""`init` and `weight_scale`, also in the form of earlier versions, where the word `kaiming` was a weight scale."""

from collections.abc import Callable

from fcsearch.space import Choices, Condition, Constant, SearchSpace


def test_a_weight_scale_alone_means_normal_weights(load: Callable[..., SearchSpace]) -> None:
    space = load("parameters: {weight_scale: {low: 0.01, high: 0.1}}")
    assert space.parameters["init"] == Constant("init", "normal")
    assert space.parameters["weight_scale"].when == ()
    assert space.trial_config({"init": "normal", "weight_scale": 0.05}, seed=0).initial_scale == 0.05


def test_it_means_so_only_in_the_trials_that_have_one(load: Callable[..., SearchSpace]) -> None:
    space = load("""
parameters:
  update_rule: {choices: [sgd, adam]}
  weight_scale: {value: 0.05, when: {update_rule: sgd}}
""")
    assert space.trial_config(space.decode({"update_rule": "sgd"}), seed=0).initial_scale == 0.05
    assert space.trial_config(space.decode({"update_rule": "adam"}), seed=0).initial_scale == "kaiming"


def test_choices_of_an_earlier_version_stay_one_parameter(load: Callable[..., SearchSpace]) -> None:
    space = load("parameters: {weight_scale: {choices: [kaiming, 0.05]}}")
    assert space.parameters == {"weight_scale": Choices("weight_scale", ("kaiming", 0.05))}
    found = [space.trial_config(space.decode({"weight_scale": value}), seed=0) for value in ("kaiming", 0.05)]
    assert [(config.init, config.initial_scale) for config in found] == [("kaiming", "kaiming"), ("normal", 0.05)]
    assert SearchSpace.from_json(space.to_json()) == space


def test_a_weight_scale_is_sampled_where_init_is_normal(load: Callable[..., SearchSpace]) -> None:
    space = load("parameters: {init: {choices: [kaiming, normal]}, weight_scale: {choices: [0.01, 0.05]}}")
    assert space.parameters["weight_scale"].when == (Condition("init", ("normal",)),)
    assert len(space.grid()) == 3
