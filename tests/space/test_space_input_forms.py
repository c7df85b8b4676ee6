"""Which forms of the rows a space searches among."""

from __future__ import annotations

from typing import Any

import pytest

from fcsearch.config import InputForm
from fcsearch.errors import SpaceError
from fcsearch.space import SearchSpace


def forms(**parameters: Any) -> set[str]:
    space = SearchSpace.from_mapping({"parameters": {"epochs": 1, **parameters}})
    found = space.input_forms
    assert len(set(found)) == len(found)
    # Of every trial that the space can have, and no others.
    configs = [space.trial_config(values, seed=0) for values in space.grid()]
    assert {config.input_form for config in configs} - {InputForm()} == set(found)
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


def test_more_forms_than_fit_the_memory_are_refused() -> None:
    with pytest.raises(SpaceError, match=r"parameters\.bins: .* at most 24 forms .* found 63\. Name a few choices"):
        forms(bins={"low": 2, "high": 64})
