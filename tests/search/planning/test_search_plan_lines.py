"""What a plan says of the number of trials, where it is odd."""

from pathlib import Path
from typing import Any

import pytest
from search_helpers import make_space

from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.plan import make_plan


@pytest.mark.parametrize(
    ("sampler", "parameters", "line"),
    [
        ("random", {"learning_rate": {"low": 0.1, "high": 0.2}}, "5, seed 0"),
        (
            "random",
            {"learning_rate": 0.1},
            "5, seed 0; the space has only one configuration, so all of them give the same network",
        ),
        ("grid", {"learning_rate": {"choices": [0.1, 0.2, 0.3, 0.4, 0.5]}}, "5, seed 0"),
        (
            "grid",
            {"learning_rate": {"choices": [0.1, 0.2]}},
            "2, seed 0; 5 were asked for, but the grid has no more",
        ),
    ],
)
def test_odd_numbers_of_trials_are_said(sampler: str, parameters: dict[str, Any], line: str, tmp_path: Path) -> None:
    space = make_space(tmp_path, sampler=sampler, parameters=parameters)
    plan = make_plan(space, SearchOptions(trials=5), path=tmp_path / "run", placement=None)
    assert plan.lines()["trials"] == line


def test_configurations_that_come_first_but_have_no_room_among_the_trials_are_counted(tmp_path: Path) -> None:
    parameters = {"depth": {"low": 1, "high": 3}}
    space = make_space(tmp_path, parameters=parameters, tries=[{"depth": 2}, {"depth": 3}], trials=2)
    options = SearchOptions(trials=2, tries=("depth=1",))
    line = make_plan(space, options, path=tmp_path / "run", placement=None).lines()["comes first"]
    assert line == "depth=1; depth=2; 1 more is left out, as there are only 2 trials"


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("depth=4", "depth=4,learning_rate=0.2; 1 more is left out, as ruled out by --set"),
        ("learning_rate=0.1", "depth=2,learning_rate=0.1; depth=3"),
    ],
)
def test_those_that_an_override_rules_out_are_counted(override: str, line: str, tmp_path: Path) -> None:
    parameters = {"depth": {"low": 2, "high": 3}, "learning_rate": {"low": 0.1, "high": 0.2}}
    tries = [{"depth": 2, "learning_rate": 0.2}, {"depth": 3}]
    space = make_space(tmp_path, parameters=parameters, tries=tries).changed([f"parameters.{override}"])
    assert make_plan(space, SearchOptions(), path=tmp_path / "run", placement=None).lines()["comes first"] == line


@pytest.mark.parametrize(
    ("epochs", "acts"),
    [
        (5, False),
        (6, True),
        ({"choices": [2, 5]}, False),
        ({"choices": [5, 30]}, True),
        ({"low": 2, "high": 5}, False),
        ({"low": 2, "high": 9}, True),
        (None, True),
    ],
)
def test_early_stopping_that_cannot_act_is_said(epochs: Any, acts: bool, tmp_path: Path) -> None:
    parameters = {"learning_rate": {"low": 0.1, "high": 0.2}} | ({} if epochs is None else {"epochs": epochs})
    space = make_space(tmp_path, parameters=parameters, early_stopping={"method": "asha", "min_epochs": 5})
    line = make_plan(space, SearchOptions(), path=tmp_path / "run", placement=None).lines()["early stopping"]
    idle = "cannot act: it begins at epoch 5, and no trial trains longer; lower min_epochs"
    assert line == ("ASHA from epoch 5, the best 1 in 3 continue" if acts else idle)


@pytest.mark.parametrize(("min_epochs", "acts"), [(5, True), (500, False)])
def test_where_epochs_do_not_apply_their_default_may_be_stopped_early(
    min_epochs: int, acts: bool, tmp_path: Path
) -> None:
    parameters = {
        "update_rule": {"choices": ["sgd", "adam"]},
        "epochs": {"value": 2, "when": {"update_rule": "adam"}},
    }
    space = make_space(tmp_path, parameters=parameters, early_stopping={"method": "asha", "min_epochs": min_epochs})
    assert space.stopping_words().startswith("ASHA" if acts else "cannot act")
