"""One error names every mistake of a space file that can be found at once."""

from collections.abc import Callable

import pytest

_MANY = """\
nme: six
dataset: {source: digits, val_fracton: 0.2, folds: many, test_fraction: 3}
trials: -3
sampler: {name: tpe, n_startup: 3}
objective: accurracy
parameters:
  learning_rte: {low: 1e-4, high: 1e-1}
  epochs: many
  depth: {low: 5, high: 2}
"""


def test_all_mistakes_are_named_in_the_order_of_their_lines(refusal: Callable[..., str]) -> None:
    head, *lines = refusal(_MANY).splitlines()
    assert head == "FILE: 10 mistakes"
    places = ["1:1", "2:27", "2:52", "2:73", "3:9", "4:22", "5:12", "7:3", "8:11", "9:16"]
    assert [line.partition(": ")[0] for line in lines] == [f"  - FILE:{place}" for place in places]
    assert lines[0].endswith("space: unknown key 'nme'; did you mean 'name'?")
    assert "dataset.folds: an integer from 2 to 20, 1 for one split, or auto is needed; found" in lines[2]
    assert "unknown parameter 'learning_rte'; did you mean 'learning_rate'?" in lines[7]


def test_one_mistake_stands_by_itself_and_explains_what_follows_from_it(refusal: Callable[..., str]) -> None:
    found = refusal("paramters: {epochs: 3}")
    assert found == "FILE:1:1: space: unknown key 'paramters'; did you mean 'parameters'?"
    assert refusal("parameters: {class_weight: 3}").startswith("FILE:1:14: parameters: unknown parameter")
    assert refusal("parameters: {epochs: 3}\nclass_weight: {a: x}").count("FILE") == 1


def test_overrides_are_collected_too(refusal: Callable[..., str]) -> None:
    found = refusal("parameters: {epochs: 3}", "epochs=3", "nothing", "trials=4", "folds=x", "parameters.depth=y")
    assert found.splitlines() == [
        "the overrides: 4 mistakes",
        "  - --set epochs=3: unknown key 'epochs'; did you mean 'parameters.epochs'?",
        "  - --set nothing: an override is KEY=VALUE, such as parameters.epochs=10; found 'nothing'",
        "  - --set folds=x: folds: an integer from 2 to 20, 1 for one split, or auto is needed; found the text 'x'",
        "  - --set parameters.depth=y: parameters.depth: depth must be an integer of at least 1; found 'y' "
        "(text; write a number without quotes: depth: 1)",
    ]


def test_those_of_the_file_and_of_overrides_are_named_together(refusal: Callable[..., str]) -> None:
    head, *lines = refusal("parameters: {epochs: many}", "nothing", "trials=0").splitlines()
    assert head == "FILE: 3 mistakes"
    assert [line.split(": ")[0] for line in lines] == ["  - --set nothing", "  - --set trials=0", "  - FILE:1:22"]


def test_parameters_that_nothing_reads_are_named_at_once_but_not_what_follows_from_them(
    refusal: Callable[..., str],
) -> None:
    head, *lines = refusal("parameters: {depth: 1, dropout: 0.5, momentum: 0.9, update_rule: sgd}").splitlines()
    assert head == "FILE: 2 mistakes"
    assert "dropout needs a hidden layer" in lines[0]
    assert "momentum is read by" in lines[1]
    rule = "{choices: [sgd, adam], when: {depth: 9}}"
    found = refusal(f"parameters: {{depth: {{low: 1, high: 3}}, update_rule: {rule}, beta1: 0.9}}")
    assert "depth is never 9 in this space" in found
    assert "beta1" not in found


def test_conditions_are_named_at_once(refusal: Callable[..., str]) -> None:
    text = "parameters: {depth: {low: 1, high: 3}, dropout: {value: 0.5, when: {dept: 2}}, reg: {value: 1, when: 3}}"
    assert refusal(text).startswith("FILE: 2 mistakes")


def test_all_that_is_wrong_under_when_is_named_with_what_was_meant(refusal: Callable[..., str]) -> None:
    text = """\
parameters:
  epochs: many
  depth: {low: 2, high: 3}
  update_rule: {choices: [sgd, adam]}
  reg: {value: 1, when: {updte_rule: sgd, epoch: 3, reg: 1, init: normal}}
  dropout: {value: 0.5, when: {update_rule: [adm, sgdd]}}
"""
    head, *lines = refusal(text).splitlines()
    assert head == "FILE: 7 mistakes"
    assert lines[1].endswith("parameters.reg.when: unknown parameter 'updte_rule'; did you mean 'update_rule'?")
    assert lines[2].endswith("parameters.reg.when: unknown parameter 'epoch'; did you mean 'epochs'?")
    assert lines[3].endswith("reg cannot depend on itself")
    assert lines[4].endswith("init is not in this space; name it under parameters")
    assert lines[5].endswith("found 'adm'; did you mean 'adam'?")
    assert lines[6].endswith("found 'sgdd'; did you mean 'sgd'?")
    never = "parameters: {depth: {low: 1, high: 3}, reg: {value: 1, when: {depth: [7, 2, 9]}}}"
    _, seven, nine = refusal(never).splitlines()
    assert "depth is never 7" in seven
    assert "depth is never 9" in nine


def test_a_misspelt_parent_is_one_mistake(refusal: Callable[..., str]) -> None:
    text = "parameters: {update_rle: sgd, reg: {value: 1, when: {update_rule: sgd}}}"
    assert refusal(text) == "FILE:1:14: parameters: unknown parameter 'update_rle'; did you mean 'update_rule'?"
    # A parent that another parameter implies is in the space.
    refused = refusal("parameters: {weight_scale: 0.1, epochs: many, reg: {value: 1, when: {init: normal}}}")
    assert refused.startswith("FILE:1:41: parameters.epochs")


def test_a_sampler_and_forms_that_do_not_fit_are_named_at_once(refusal: Callable[..., str]) -> None:
    forms = "{preprocessing: {choices: [piecewise, standardize]}, bins: {low: 2, high: 60}}"
    assert refusal(f"sampler: cmaes\nparameters: {forms}").startswith("FILE: 2 mistakes")


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("parameters.learning_rate={low:1,high:0.1}", "parameters.learning_rate: unknown key 'low:1'; write a space"),
        ("dataset={val_fraction:0.1}", "dataset: unknown key 'val_fraction:0.1'; write a space"),
    ],
)
def test_a_colon_needs_a_space_after_it(refusal: Callable[..., str], override: str, hint: str) -> None:
    found = refusal("parameters: {epochs: 3}", override)
    assert hint in found
    assert " after the colon: " in found


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("parameters:\n  epochs: 3\n  depth:3\n  reg: 1\n", "in line 3: depth: 3"),
        ("parameters:\n  epochs: 3\n  depth:3\n", "in line 3: depth: 3"),
        ("parameters:\n  depth:3   # deep\n  epochs: 3\n", "in line 2: depth: 3"),
        ("parameters:\n  reg:{low: 0.1, high: 1}\n  epochs: 3\n", "in line 2: reg: {low: 0.1, high: 1}"),
        ("name:a\nparameters:\n  depth: 3\n", "in line 1: name: a"),
        ("parameters:\n  depth:3\n", "the colon: depth: 3"),
        ("parameters:\n  depth:\n    low:2\n    high:3\n", "the colon: low: 2"),
        ("parameters:\n  learning-rate:3\n  depth: 3\n", "in line 2: learning-rate: 3"),
        ("dataset:\n  label:churn\n  drop: id\n", "in line 2: label: churn"),
        ("sampler:\n  popsize:8\n  name: cmaes\n", "in line 2: popsize: 8"),
        ("early_stopping:\n  min_epochs:8\n  method: asha\n", "in line 2: min_epochs: 8"),
    ],
)
def test_a_missing_space_is_named_where_it_is_missing(refusal: Callable[..., str], text: str, hint: str) -> None:
    found = refusal(text)
    assert "; write a space after the colon" in found
    assert found.endswith(hint)


def test_what_stands_above_its_place_is_to_be_indented(refusal: Callable[..., str]) -> None:
    assert refusal("parameters:\n  epochs: 3\ndepth: 2\n") == (
        "FILE:3:1: space: unknown key 'depth'; indent it below parameters"
    )
    head, *lines = refusal("parameters:\n  reg:\n  low: 0.1\n  high: 1\n").splitlines()
    assert head == "FILE: 3 mistakes"
    assert lines[1] == "  - FILE:3:3: parameters: unknown parameter 'low'; indent it below its parameter"


def test_yaml_that_lacks_no_space_is_not_said_to(refusal: Callable[..., str]) -> None:
    for text in (
        "parameters: {epochs: 3\n",
        "name: x:y\nparameters: [epochs: 3\n",
        "# a:b\nparameters:\n\tdepth:3\n",
        "parameters:\n- a: 1\n- openml:adult\nbad: [1\n",
        "name: |\n  depth:3\nbad: [1\n",
        'name: "a\n  depth:3"\nbad: [1\n',
    ):
        found = refusal(text)
        assert "YAML error" in found
        assert "after the colon" not in found


def test_a_rule_that_is_called_otherwise_with_weight_decay_is_named(refusal: Callable[..., str]) -> None:
    said = refusal("parameters: {update_rule: adamw}")
    assert said.endswith("found 'adamw'; adamw is adam with a weight_decay, such as 0.1")
