"""When parameters apply: written conditions, and those that follow from the network."""

from collections.abc import Callable
from typing import Any

import pytest

from fcsearch.space import Condition, SearchSpace

RULES = "update_rule: {choices: [sgd, sgd_momentum, rmsprop, adam]}"


def when(space: SearchSpace, name: str) -> dict[str, tuple[Any, ...]]:
    return {condition.parent: condition.values for condition in space.parameters[name].when}


@pytest.mark.parametrize(
    ("setting", "rules"),
    [
        ("momentum: {low: 0.8, high: 0.99}", ("sgd_momentum",)),
        ("momentum: 0.95", ("sgd_momentum",)),
        ("decay_rate: {choices: [0.9, 0.99]}", ("rmsprop",)),
        ("epsilon: {low: 1e-9, high: 1e-6, log: true}", ("rmsprop", "adam")),
        ("epsilon: {low: 1e-9, high: 1e-6, when: {update_rule: adam}}", ("adam",)),
        ("beta1: {low: 0.8, high: 0.99, when: {update_rule: [adam]}}", ("adam",)),
    ],
)
def test_settings_apply_under_the_rules_that_read_them(
    load: Callable[..., SearchSpace], setting: str, rules: tuple[str, ...]
) -> None:
    space = load(f"parameters: {{{setting}, {RULES}}}")
    assert when(space, setting.split(":")[0]) == {"update_rule": rules}
    assert next(iter(space.parameters)) == "update_rule"


@pytest.mark.parametrize(
    ("setting", "parent", "reader"),
    [
        ("lr_decay: {low: 0.8, high: 1.0}", "lr_schedule: {choices: [cosine, exponential]}", "exponential"),
        ("lr_decay: 0.9", "lr_schedule: {choices: [exponential, cosine]}", "exponential"),
        ("label_smoothing: {choices: [0, 0.1]}", "loss: {choices: [svm, softmax]}", "softmax"),
    ],
)
def test_decay_applies_under_its_schedule_and_smoothing_under_softmax(
    load: Callable[..., SearchSpace], setting: str, parent: str, reader: str
) -> None:
    space = load(f"parameters: {{{setting}, {parent}}}")
    name, reads = setting.split(":")[0], parent.split(":")[0]
    assert when(space, name) == {reads: (reader,)}
    assert not space.parameters[name].applies({reads: "cosine" if reads == "lr_schedule" else "svm"})
    # By default the learning rate falls exponentially, and the loss is softmax.
    assert when(load(f"parameters: {{{setting}}}"), name) == {}


def test_input_dropout_needs_no_hidden_layer(load: Callable[..., SearchSpace]) -> None:
    space = load("parameters: {input_dropout: {choices: [0, 0.2]}, depth: {low: 1, high: 3}}")
    assert when(space, "input_dropout") == {}


def test_a_condition_that_always_holds_is_left_out(load: Callable[..., SearchSpace]) -> None:
    space = load(
        "parameters: {momentum: {low: 0.8, high: 0.99, when: {update_rule: sgd_momentum}}, update_rule: sgd_momentum}"
    )
    assert when(space, "momentum") == {}


@pytest.mark.parametrize(
    ("layers", "condition"),
    [
        ("depth: {low: 1, high: 4}", {"depth": (2, 3, 4)}),
        ("depth: {choices: [1, 5]}", {"depth": (5,)}),
        ("depth: {low: 2, high: 4}", {}),
        ("epochs: 3", {}),
    ],
)
def test_width_and_dropout_need_a_hidden_layer(
    load: Callable[..., SearchSpace], layers: str, condition: dict[str, Any]
) -> None:
    space = load(f"parameters: {{dropout: {{choices: [0, 0.5]}}, hidden_dim: {{choices: [8, 16]}}, {layers}}}")
    assert when(space, "hidden_dim") == condition
    assert when(space, "dropout") == condition


def test_dropout_needs_a_hidden_layer_of_hidden_dims(load: Callable[..., SearchSpace]) -> None:
    space = load("parameters: {dropout: {choices: [0, 0.5]}, hidden_dims: {choices: [[], [64], [64, 32]]}}")
    assert when(space, "dropout") == {"hidden_dims": ((64,), (64, 32))}


def test_conditions_join_and_lists_mean_any(load: Callable[..., SearchSpace]) -> None:
    space = load(f"""
parameters:
  momentum: {{low: 0.8, high: 0.9, when: {{batch_size: [50, 100], loss: svm}}}}
  batch_size: {{choices: [50, 100, 200]}}
  loss: {{choices: [softmax, svm]}}
  {RULES}
""")
    assert when(space, "momentum") == {"update_rule": ("sgd_momentum",), "batch_size": (50, 100), "loss": ("svm",)}
    momentum = space.parameters["momentum"]
    assert momentum.applies({"update_rule": "sgd_momentum", "batch_size": 100, "loss": "svm"})
    assert not momentum.applies({"update_rule": "sgd_momentum", "batch_size": 200, "loss": "svm"})
    assert not momentum.applies({"update_rule": "sgd_momentum", "batch_size": 100, "loss": "softmax"})
    assert not momentum.applies({"update_rule": "adam", "batch_size": 100, "loss": "svm"})


def test_conditions_on_integer_ranges_and_lists_of_widths(load: Callable[..., SearchSpace]) -> None:
    space = load("parameters: {reg: {low: 0, high: 1, when: {epochs: [5, 7]}}, epochs: {low: 1, high: 9, step: 2}}")
    assert when(space, "reg") == {"epochs": (5, 7)}
    text = "parameters: {reg: {low: 0, high: 1, when: {hidden_dims: X}}, hidden_dims: {choices: [[8, 4], [16], []]}}"
    assert when(load(text.replace("X", "[8, 4]")), "reg") == {"hidden_dims": ((8, 4),)}
    assert when(load(text.replace("X", "[[16], []]")), "reg") == {"hidden_dims": ((16,), ())}


def test_a_parent_that_does_not_apply_counts_with_its_default(load: Callable[..., SearchSpace]) -> None:
    space = load("""
parameters:
  loss: {choices: [softmax, svm]}
  depth: {choices: [1, 3], when: {loss: svm}}
  hidden_dim: {choices: [8, 16]}
""")
    hidden_dim = space.parameters["hidden_dim"]
    assert hidden_dim.when == (Condition("depth", (3, 2)),)
    # Without a depth the net has the default depth of 2, and so a hidden layer.
    assert hidden_dim.applies({"loss": "softmax"})
    assert hidden_dim.applies({"loss": "svm", "depth": 3})
    assert not hidden_dim.applies({"loss": "svm", "depth": 1})


@pytest.mark.parametrize(
    ("parameters", "where", "says"),
    [
        ("reg: {low: 0, high: 1, when: {los: svm}}, loss: svm", "1:44: parameters.reg.when", "did you mean 'loss'?"),
        ("reg: {low: 0, high: 1, when: {depth: 3}}", "1:44: parameters.reg.when", "depth is not in this space"),
        ("reg: {low: 0, high: 1, when: {reg: 1}}", "1:44: parameters.reg.when", "cannot depend on itself"),
        ("reg: {low: 0, high: 1, when: {}}", "1:43: parameters.reg.when", "an empty mapping"),
        ("reg: {low: 0, high: 1, when: svm}", "1:43: parameters.reg.when", "found the text 'svm'"),
        ("reg: {low: 0, high: 1, when: {loss: []}}, loss: svm", "1:50: parameters.reg.when.loss", "at least one value"),
        ("reg: {low: 0, high: 1, when: {loss: hinge}}, loss: svm", "1:50: parameters.reg.when.loss", "found 'hinge'"),
        ("reg: {low: 0, high: 1, when: {loss: [[svm]]}}, loss: svm", "1:51: parameters.reg.when.loss", "single value"),
        (
            "loss: svm, reg: {low: 0, high: 1, when: {loss: softmax}}",
            "1:25: parameters.reg.when",
            "loss is never softmax in this space; it can be svm",
        ),
        (
            "epochs: {low: 1, high: 9, step: 2}, reg: {low: 0, high: 1, when: {epochs: [3, 4]}}",
            "1:50: parameters.reg.when",
            "epochs is never 4 in this space; it can be 1, 3, 5, 7, 9",
        ),
        (
            "lr_decay: {low: 0.5, high: 1}, reg: {low: 0, high: 1, when: {lr_decay: 1}}",
            "1:75: parameters.reg.when.lr_decay",
            "lr_decay is a continuous range",
        ),
        (
            "epochs: {low: 1, high: 99999}, reg: {low: 0, high: 1, when: {epochs: 1}}",
            "1:75: parameters.reg.when.epochs",
            "at most 10000 values",
        ),
        (
            "batch_size: {choices: [5, 6], when: {loss: svm}}, loss: {choices: [svm, softmax], when: {epochs: 3}}, "
            "epochs: {choices: [3, 4], when: {batch_size: 5}}",
            "1:14: parameters.batch_size",
            "found batch_size -> loss -> epochs -> batch_size",
        ),
        (
            "momentum: {choices: [0.5, 0.9]}, update_rule: {choices: [sgd, sgd_momentum], when: {momentum: 0.5}}",
            "1:14: parameters.momentum",
            "found momentum -> update_rule -> momentum",
        ),
        (
            "momentum: 0.9",
            "1:14: parameters.momentum",
            "momentum is read by sgd_momentum only, and update_rule is sgd; add sgd_momentum to update_rule, "
            "or take momentum out",
        ),
        ("beta1: 0.9, update_rule: {choices: [sgd, rmsprop]}", "1:14: parameters.beta1", "update_rule is sgd, rmsprop"),
        ("epsilon: 1e-8, update_rule: sgd", "1:14: parameters.epsilon", "read by rmsprop and adam and nadam only"),
        (
            "beta1: {choices: [0.9], when: {update_rule: [adam, sgd]}}, update_rule: {choices: [adam, sgd]}",
            "1:14: parameters.beta1.when",
            "beta1 does nothing where update_rule is sgd",
        ),
        ("hidden_dim: 5, depth: 1", "1:14: parameters.hidden_dim", "hidden_dim needs a hidden layer, and depth is 1"),
        (
            "lr_decay: 0.9, lr_schedule: cosine",
            "1:14: parameters.lr_decay",
            "lr_decay is read by exponential only, and lr_schedule is cosine; add exponential to lr_schedule",
        ),
        (
            "label_smoothing: 0.1, loss: svm",
            "1:14: parameters.label_smoothing",
            "read by softmax only, and loss is svm",
        ),
        ("dropout: 0.5, hidden_dims: []", "1:14: parameters.dropout", "needs a hidden layer, and hidden_dims is []"),
    ],
)
def test_bad_conditions(refusal: Callable[..., str], parameters: str, where: str, says: str) -> None:
    message = refusal(f"parameters: {{{parameters}}}")
    assert message.startswith(f"FILE:{where}"), message
    assert says in message
