"""Which forms of the rows a space searches among."""

from typing import Any

import pytest

from fcsearch.config import InputForm
from fcsearch.errors import SpaceError
from fcsearch.space import Condition, Constant, SearchSpace


def forms(**parameters: Any) -> set[str]:
    space = SearchSpace.from_mapping({"parameters": {"epochs": 1, **parameters}})
    found = space.input_forms
    assert len(set(found)) == len(found)
    # Of every trial that the space can have, and no others.
    configs = [space.trial_config(values, seed=0) for values in space.grid()]
    learned = {config.input_form for config in configs}
    assert learned - {InputForm()} == set(found)
    assert space.learns_own_form == (InputForm() in learned)
    return set(map(str, found))


def test_a_space_that_does_not_name_them_has_none() -> None:
    assert forms() == set()
    assert forms(preprocessing="dataset") == set()


def test_each_combination_is_a_form_where_it_is_read() -> None:
    words = {"choices": ["dataset", "quantile", "piecewise"]}
    assert forms(preprocessing=words) == {"quantile", "piecewise"}
    assert forms(preprocessing=words, bins={"low": 4, "high": 8, "step": 2}) == {
        "quantile", "piecewise 4", "piecewise 6", "piecewise 8"
    }  # fmt: skip


def test_bins_alone_mean_piecewise() -> None:
    assert forms(bins={"choices": [8, 16]}) == {"piecewise 8", "piecewise 16"}


def test_bins_under_a_condition_leave_the_form_without() -> None:
    bins = {"choices": [8, 16], "when": {"depth": 2}}
    assert forms(depth={"choices": [2, 3]}, preprocessing="piecewise", bins=bins) == {
        "piecewise", "piecewise 8", "piecewise 16"
    }  # fmt: skip


def test_bins_that_nothing_reads_are_refused() -> None:
    with pytest.raises(SpaceError, match="bins is read by piecewise only"):
        forms(preprocessing="quantile", bins=8)


SCALE = {"low": 0.1, "high": 2, "log": True}
DEEP = {"depth": 3}


def spaces_in_both_orders(**parameters: Any) -> list[SearchSpace]:
    depth = {"depth": {"choices": [2, 3]}}
    orders = (parameters, dict(reversed(parameters.items())))
    return [SearchSpace.from_mapping({"parameters": {**depth, **order}}) for order in orders]


def test_the_form_that_parameters_imply_together_does_not_depend_on_their_order() -> None:
    for space in spaces_in_both_orders(frequency_scale=SCALE, frequencies={"value": 8, "when": DEEP}):
        assert space.parameters["preprocessing"] == Constant("preprocessing", "periodic")
        assert [item.parent for item in space.parameters["frequencies"].when] == ["depth"]
    for space in spaces_in_both_orders(frequency_scale={**SCALE, "when": DEEP}, frequencies={"value": 8, "when": DEEP}):
        assert space.parameters["preprocessing"].when == (Condition("depth", (3,)),)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"frequency_scale": {**SCALE, "when": {"depth": 2}}, "frequencies": {"value": 8, "when": DEEP}},
            "imply preprocessing periodic, each under a condition of its own; add preprocessing to the parameters",
        ),
        ({"bins": 8, "frequencies": 5}, r"imply preprocessing \w+ and \w+; add preprocessing to the parameters"),
    ],
)
def test_parameters_that_imply_no_one_form_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        spaces_in_both_orders(**parameters)
    with pytest.raises(SpaceError, match=message):
        spaces_in_both_orders(**dict(reversed(parameters.items())))


def test_more_forms_than_fit_the_memory_are_refused() -> None:
    with pytest.raises(SpaceError, match=r"parameters\.bins: .* at most 24 forms .* found 63\. Name a few choices"):
        forms(bins={"low": 2, "high": 64})
