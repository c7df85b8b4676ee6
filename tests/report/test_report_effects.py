"""What each parameter did: which ones varied, and how their values are grouped."""

from typing import Any

import pytest

from fcsearch.config import TrialConfig
from fcsearch.report.effects import differs, effects_of, varied_parameters
from fcsearch.report.model import Importance


def row(accuracy: float, state: str = "complete", **parameters: Any) -> dict[str, Any]:
    config = TrialConfig.from_parameters(parameters, seed=0).parameters()
    config["hidden_dims"] = list(config["hidden_dims"])
    return {**config, "state": state, "val_accuracy": accuracy}


def groups(rows: list[dict[str, Any]], name: str) -> list[tuple[str, int, int, float | None, float | None]]:
    (effect,) = (effect for effect in effects_of(rows, {}) if effect.parameter == name)
    return [(group.label, group.trials, group.diverged, group.best, group.median) for group in effect.groups]


def test_only_parameters_that_varied_and_the_shape_named_once() -> None:
    assert varied_parameters([row(0.5, depth=2), row(0.5, depth=3, dropout=0.5)]) == ["depth", "dropout"]
    uneven = [row(0.5, hidden_dims=(30, 20)), row(0.5, hidden_dims=(30,))]
    assert varied_parameters(uneven) == ["hidden_dims"]
    assert varied_parameters([]) == []


def test_values_with_best_median_and_diverged() -> None:
    rows = [row(0.2, dropout=0.5), row(0.6, dropout=0.0), row(0.8, dropout=0.0), row(0.7, "stopped", dropout=0.0)]
    rows += [row(0.99, "diverged", dropout=0.5), row(0.99, "failed", dropout=0.0)]
    assert groups(rows, "dropout") == [
        ("0", 3, 0, 0.8, pytest.approx(0.7)),
        ("0.5", 1, 1, 0.2, 0.2),
    ]


def test_a_value_whose_trials_all_diverged_has_no_result() -> None:
    rows = [row(0.5, update_rule="adam"), row(0.0, "diverged", update_rule="sgd")]
    assert groups(rows, "update_rule")[1] == ("sgd", 0, 1, None, None)


def test_many_numbers_are_shown_in_ranges_of_about_equally_many_trials() -> None:
    rows = [row(index / 100, learning_rate=10.0 ** (-4 + index / 10)) for index in range(20)]
    found = groups(rows, "learning_rate")
    assert [trials for _, trials, *_ in found] == [4, 4, 4, 4, 4]
    assert found[0][0] == "0.0001 to 0.0002"
    assert [best for _, _, _, best, _ in found] == [0.03, 0.07, 0.11, 0.15, 0.19]


def test_numbers_of_which_hardly_two_are_equal_are_shown_in_ranges() -> None:
    rows = [row(0.1 * index, reg=0.01 * index) for index in range(1, 5)]
    assert [(label, trials) for label, trials, *_ in groups(rows, "reg")] == [("0.01 to 0.02", 2), ("0.03 to 0.04", 2)]
    assert len(groups(rows[:3], "reg")) == 3


def test_equal_numbers_stay_in_one_range() -> None:
    rows = [row(0.5, reg=0.0)] * 10 + [row(0.5, reg=0.1 * index) for index in range(1, 10)]
    found = groups(rows, "reg")
    assert sum(trials for _, trials, *_ in found) == 19
    assert found[0][0].startswith("0 to")
    assert found[0][1] >= 10


def test_trials_to_which_a_parameter_does_not_apply_say_nothing_of_it() -> None:
    rows = [row(0.9, update_rule="adam")]
    rows += [row(0.5, update_rule="sgd_momentum", momentum=momentum) for momentum in (0.8, 0.9)]
    assert [label for label, *_ in groups(rows, "momentum")] == ["0.8", "0.9"]


def test_hidden_dims_are_sorted_by_depth() -> None:
    rows = [row(0.5, hidden_dims=dims) for dims in ((64, 32), (128,), (64,), ())]
    assert [label for label, *_ in groups(rows, "hidden_dims")] == ["none", "64", "128", "64-32"]


def test_the_most_important_comes_first() -> None:
    rows = [row(0.5, depth=2, dropout=0.0), row(0.6, depth=3, dropout=0.5)]
    importances = {"dropout": Importance(0.75, 0.5, 0.9, 40), "depth": Importance(0.25, 0.1, 0.4, 40)}
    effects = effects_of(rows, importances)
    assert [(effect.parameter, effect.importance) for effect in effects] == list(importances.items())


def test_without_importances_the_widest_spread_of_medians_comes_first() -> None:
    rows = [row(0.5, depth=2, dropout=0.5), row(0.6, depth=3, dropout=0.5)] * 3
    rows += [row(0.8, depth=2, dropout=0.0), row(0.9, depth=3, dropout=0.0)] * 3 + [row(0.0, depth=4, dropout=0.0)]
    assert [effect.parameter for effect in effects_of(rows, {})] == ["dropout", "depth"]


def test_a_parameter_that_applies_to_some_alone_differs() -> None:
    rows = [row(0.5, update_rule="sgd_momentum", momentum=0.9), row(0.5, update_rule="sgd")]
    assert differs(rows, "momentum")
    assert differs(rows, "update_rule")
    assert not differs(rows, "depth")
