"""Configurations that a space wants tried first."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fcsearch.errors import SpaceError
from fcsearch.space import SearchSpace, describe_try, first_in_words, load_space, read_try_options, shipped_spaces
from fcsearch.space.written import space_file

Load = Callable[..., SearchSpace]
Refusal = Callable[..., str]
PARAMETERS = """\
parameters:
  depth: {low: 1, high: 3}
  hidden_dim: {choices: [8, 16]}
  learning_rate: {low: 1e-3, high: 1e-1, log: true}
  update_rule: {choices: [sgd, sgd_momentum]}
  momentum: {low: 0.8, high: 0.99}
"""
TRIES = "tries: [{depth: 1, learning_rate: 1e-2}, {hidden_dim: 8}]\n"


def test_they_are_read_recorded_and_written(load: Load, tmp_path: Path) -> None:
    space = load(TRIES + PARAMETERS)
    assert space.tries == ({"depth": 1, "learning_rate": 0.01}, {"hidden_dim": 8})
    assert [describe_try(values) for values in space.tries] == ["depth=1,learning_rate=0.01", "hidden_dim=8"]
    assert SearchSpace.from_json(json.loads(json.dumps(space.to_json()))) == space
    (tmp_path / "again.yaml").write_text(space_file(space, head=[], comments={}))
    assert load_space(tmp_path / "again.yaml").tries == space.tries
    layers = load("tries: [{hidden_dims: [16, 8]}]\nparameters: {hidden_dims: {choices: [[16, 8], [8]]}}")
    assert layers.tries == ({"hidden_dims": (16, 8)},)
    assert SearchSpace.from_json(json.loads(json.dumps(layers.to_json()))) == layers


def test_a_space_of_an_earlier_version_has_none(load: Load) -> None:
    recorded = load(PARAMETERS).to_json()
    del recorded["tries"]
    assert SearchSpace.from_json(recorded).tries == ()
    for none in ("", "null", "[]"):
        assert load(f"tries: {none}\n{PARAMETERS}").tries == ()


@pytest.mark.parametrize(
    ("tries", "says"),
    [
        ("[{depth: 4}]", "FILE:1:17: tries[0].depth: depth must lie in the space, 1 to 3; found 4"),
        ("[{depth: 1}, {dropout: 0.5}]", "FILE:1:22: tries[1].dropout: dropout is not searched in this space"),
        ("[{dept: 1}]", "FILE:1:10: tries[0].dept: unknown parameter 'dept'; did you mean 'depth'?"),
        ("[{depth: one}]", "FILE:1:17: tries[0].depth: depth must be an integer"),
        ("[{depth: 1, hidden_dim: 8}]", "FILE:1:20: tries[0].hidden_dim: hidden_dim is read where depth is 2 or 3"),
        ("[{learning_rate: 0,01}]", "FILE:1:27: tries[0].01: unknown parameter '01'; a number has a decimal point"),
        ("[{}]", "FILE:1:9: tries[0]: a configuration is a mapping such as"),
        ("[depth]", "FILE:1:9: tries[0]: a configuration is a mapping such as"),
        ("{depth: 1}", "FILE:1:8: tries: a list of configurations is needed"),
    ],
)
def test_mistakes_are_named_with_their_places(refusal: Refusal, tries: str, says: str) -> None:
    assert refusal(f"tries: {tries}\n{PARAMETERS}").startswith(says)


def test_all_mistakes_are_named_at_once(refusal: Refusal) -> None:
    tries = "tries: [{depth: 9, hidden_dim: 7}, {dropout: 0.1}, {dept: 1, hidden_dim: x}]\n"
    head, *lines = refusal("trials: none\n" + tries + PARAMETERS).splitlines()
    assert head == "FILE: 6 mistakes"
    keys = [
        "trials",
        "tries[0].depth",
        "tries[0].hidden_dim",
        "tries[1].dropout",
        "tries[2].dept",
        "tries[2].hidden_dim",
    ]
    assert [line.split(": ")[:2][-1] for line in lines] == keys


def test_so_are_those_of_options(load: Load) -> None:
    parameters = load(PARAMETERS).parameters
    assert read_try_options(["depth=1", "hidden_dim=8,depth=2"], parameters) == (
        {"depth": 1},
        {"hidden_dim": 8, "depth": 2},
    )
    with pytest.raises(SpaceError) as caught:
        read_try_options(["depth=9,dropout=0.5", "depth=1", "dept=1,depth,hidden_dim=x", "depth=1,depth=2"], parameters)
    head, *lines = str(caught.value).splitlines()
    assert head == "--try: 6 mistakes"
    for line, says in zip(
        lines,
        (
            "depth=9,dropout=0.5: depth: depth must lie in the space, 1 to 3; found 9",
            "depth=9,dropout=0.5: dropout: dropout is not searched",
            "dept=1,depth,hidden_dim=x: a configuration is key=value,..., such as learning_rate=0.01; found 'depth'",
            "dept=1,depth,hidden_dim=x: dept: unknown parameter 'dept'; did you mean 'depth'?",
            "dept=1,depth,hidden_dim=x: hidden_dim: hidden_dim must be an integer",
            "depth=1,depth=2: depth must be named once; found it twice",
        ),
        strict=True,
    ):
        assert line.startswith(f"  - --try {says}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("learning_rate=0,01", "must be a number above 0; found '0,01' (text; a number has a decimal point: 0.01)"),
        ("depth=2,learning_rate=0,1e-1,hidden_dim=8", "; found '0,1e-1' (text; a number has a decimal point: 0.1e-1)"),
        ("hidden_dim=1,024", "must be an integer of at least 1; found '1,024' (text; write it without commas: 1024)"),
        ("hidden_dims=512,256", "hidden_dims must be a list of widths such as [512, 256]; found the text '512,256'"),
    ],
)
def test_a_decimal_comma_is_one_mistake_of_an_option(load: Load, text: str, says: str) -> None:
    with pytest.raises(SpaceError) as caught:
        read_try_options([text], load(PARAMETERS).parameters)
    assert says in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_what_may_be_tried_is_listed(load: Load, refusal: Refusal) -> None:
    """What differs between the trials of this space, and no other parameter that there is."""
    parameters = load(f"{PARAMETERS}  epochs: 3\n").parameters
    listed = "depth, hidden_dim, learning_rate, update_rule, momentum"
    for text, says in (
        ("xyz=3", f"xyz: unknown parameter 'xyz'; known: {listed}"),
        ("reg=3", f"reg: reg is not searched in this space; name one of {listed}, or add parameters.reg"),
    ):
        with pytest.raises(SpaceError) as caught:
            read_try_options([text], parameters)
        assert str(caught.value) == f"--try {text}: {says}"
    assert refusal(f"tries: [{{xyz: 1}}]\n{PARAMETERS}").endswith(f"unknown parameter 'xyz'; known: {listed}")


def test_those_that_have_no_room_among_the_trials_are_counted() -> None:
    tries = ["depth=1", "depth=2", "depth=3"]
    long = "hidden_dims=[64, 32],dropout=0.1,reg=0,epochs=5"
    assert first_in_words([long, *tries], 4) == f"4 configurations, the first {long}"
    more = first_in_words([f"{long},lr_decay=1", *tries], 4)
    assert more == "4 configurations, the first hidden_dims=[64, 32],dropout=0.1,reg=0,..."
    assert first_in_words(tries, 4) == "3 configurations, the first depth=1"
    assert first_in_words(tries, 3) == "3 configurations, the first depth=1"
    assert first_in_words(tries, 3, asked=1) == "depth=2; depth=3"
    assert first_in_words(tries, 2, asked=1) == "depth=2"
    assert first_in_words(tries, 2, asked=2) == ""
    assert first_in_words([], 2) == ""
    assert first_in_words(tries, 2) == "depth=1; depth=2; 1 more is left out, as there are only 2 trials"
    assert first_in_words(tries, 1) == "depth=1; 2 more are left out, as there is only 1 trial"


def test_so_are_those_that_are_left_out_for_another_reason() -> None:
    two, known = ["depth=1", "depth=2"], {"ruled out by --set": 1, "tried by full": 3}
    more = "1 more is left out, as ruled out by --set; 3 more are left out, as tried by full"
    assert first_in_words(two, 2, left_out=known) == f"depth=1; depth=2; {more}"
    room = "1 more is left out, as there is only 1 trial"
    assert first_in_words(two, 1, left_out=known) == f"depth=1; {room}; {more}"
    assert first_in_words(two, 2, asked=1, left_out=known) == "depth=2"
    one, others = (
        "1 configuration is left out, as ruled out by --set",
        "3 configurations are left out, as tried by full",
    )
    assert first_in_words([], 2, left_out=known) == f"nothing; {one}; {others}"


@pytest.mark.parametrize(
    "override",
    [
        "parameters.depth=2",
        "parameters.depth.low=2",
        "parameters.depth=null",
        "parameters.hidden_dims=[16]",
        "parameters={depth: 2, learning_rate: {low: 1e-3, high: 1e-1}}",
        "parameters={learning_rate: {low: 1e-3, high: 1e-1}}",
    ],
)
def test_one_that_an_override_rules_out_is_left_out(load: Load, override: str) -> None:
    space = load("tries: [{depth: 1}, {learning_rate: 1e-2}]\n" + PARAMETERS, override)
    assert space.tries == ({"learning_rate": 0.01},)
    assert space.left_out == {"ruled out by --set": 1}


@pytest.mark.parametrize(
    ("override", "left"),
    [
        ("parameters.learning_rate={low: 0.05, high: 0.1}", {"depth": 2, "hidden_dim": 8}),
        ("parameters.learning_rate=null", {"depth": 2, "hidden_dim": 8}),
        ("parameters.depth={low: 3, high: 4}", {"hidden_dim": 8, "learning_rate": 0.01}),
        ("parameters.depth=1", {"depth": 1, "learning_rate": 0.01}),
        ("parameters.hidden_dims=[16]", {"learning_rate": 0.01}),
    ],
)
def test_a_value_that_an_override_rules_out_is_left_to_the_sampler(
    load: Load, override: str, left: dict[str, object]
) -> None:
    space = load("tries: [{depth: 2, hidden_dim: 8, learning_rate: 1e-2}]\n" + PARAMETERS, override)
    assert space.tries == (left,)
    assert space.left_out == {}


def test_so_is_a_setting_of_a_word_that_the_configuration_does_not_name(load: Load) -> None:
    text = "tries: [{depth: 2, lr_decay: 0.9}]\n" + PARAMETERS + "  lr_decay: {low: 0.8, high: 1.0}\n"
    assert load(text, "parameters.lr_schedule=cosine").tries == ({"depth": 2},)


@pytest.mark.parametrize(
    ("override", "kept"),
    [
        ("parameters.update_rule=sgd", False),
        ("parameters.update_rule={choices: [sgd, rmsprop]}", False),
        ("parameters.update_rule={choices: [sgd, nadam]}", False),
        ("parameters.update_rule=nadam", True),
        ("parameters.beta1={low: 0.95, high: 0.99}", True),
        ("parameters.beta1=null", True),
    ],
)
def test_a_configuration_goes_with_a_word_whose_settings_it_names(load: Load, override: str, kept: bool) -> None:
    """Its learning rate was chosen for that word, too."""
    text = (
        "tries: [{depth: 2, update_rule: adam, beta1: 0.9}]\nparameters:\n"
        "  depth: {low: 1, high: 3}\n  update_rule: {choices: [sgd, adam]}\n  beta1: {low: 0.8, high: 0.95}\n"
    )
    space = load(text, override)
    assert [values["depth"] for values in space.tries] == [2] * kept
    assert space.left_out == ({} if kept else {"ruled out by --set": 1})


def test_a_value_that_an_override_fixes_holds_here_too(load: Load) -> None:
    text = "tries: [{depth: 1, learning_rate: 1e-2}, {depth: 3, hidden_dim: 8}, {depth: 3}]\n" + PARAMETERS
    expected = ({"depth": 2, "learning_rate": 0.01}, {"depth": 2, "hidden_dim": 8})
    assert load(text, "parameters.depth=2").tries == expected
    fixed = load(text, "parameters={depth: 3, hidden_dim: 8, learning_rate: 0.01}")
    # All trials are the second and the third.
    assert (fixed.tries, fixed.left_out) == ((), {"ruled out by --set": 1})
    (first,) = load_space(shipped_spaces()["default"]).changed(["parameters.epochs=15"]).tries
    assert (first["epochs"], first["learning_rate"]) == (15, 3e-3)


@pytest.mark.parametrize("override", ["parameters.depth=2", "parameters.hidden_dims=[16]"])
def test_so_is_one_of_a_recorded_space(load: Load, override: str) -> None:
    recorded = SearchSpace.from_json(load("tries: [{depth: 1}]\n" + PARAMETERS).to_json())
    assert recorded.tries == ({"depth": 1},)
    assert recorded.changed([override]).tries == ()


@pytest.mark.parametrize(
    ("listed", "override", "left"),
    [
        ("{depth: 3, hidden_dim: 8}, {depth: 3, hidden_dim: 16}", "hidden_dim=8", {"depth": 3, "hidden_dim": 8}),
        ("{depth: 3, hidden_dim: 16}, {depth: 3, hidden_dim: 8}", "hidden_dim=8", {"depth": 3, "hidden_dim": 8}),
        ("{depth: 3}, {depth: 3, hidden_dim: 8}", "hidden_dim=null", {"depth": 3}),
        ("{depth: 3, hidden_dim: 8}, {depth: 3}", "hidden_dim=null", {"depth": 3}),
    ],
)
def test_those_that_an_override_makes_equal_are_kept_once(
    load: Load, listed: str, override: str, left: dict[str, object]
) -> None:
    space = load(f"tries: [{listed}]\n{PARAMETERS}", f"parameters.{override}")
    assert (space.tries, space.left_out) == ((left,), {"ruled out by --set": 1})


def test_those_that_a_file_lists_twice_stay(load: Load) -> None:
    space = load("tries: [{depth: 3}, {depth: 3}]\n" + PARAMETERS, "parameters.hidden_dim=8")
    assert (space.tries, space.left_out) == (({"depth": 3},) * 2, {})


def test_one_whose_condition_an_override_changes_is_left_out(load: Load) -> None:
    text = "tries: [{momentum: 0.9}]\n" + PARAMETERS
    assert load(text).tries == ({"momentum": 0.9},)
    assert load(text, "parameters.update_rule=sgd").tries == ()


def test_an_override_excuses_no_other_mistake(refusal: Refusal, load: Load) -> None:
    assert "tries[0].depth" in refusal("tries: [{depth: 9}]\n" + PARAMETERS, "parameters.learning_rate=0.01")
    assert "tries[0].dept" in refusal("tries: [{dept: 1}]\n" + PARAMETERS, "parameters.depth=2")
    asked = "tries=[{depth: 1}]"
    assert refusal(PARAMETERS, asked, "parameters.depth=2").startswith(f"--set {asked}: tries[0].depth: depth must lie")
    assert load(PARAMETERS, asked).tries == ({"depth": 1},)
    assert load(TRIES + PARAMETERS, "tries=null").tries == ()


def test_a_grid_has_its_own_configurations(refusal: Refusal, load: Load) -> None:
    text = "sampler: {}\ntries: [{{epochs: 1}}]\nparameters: {{epochs: {{choices: [1, 2]}}}}"
    for grid in ("grid", "{name: grid}"):
        assert refusal(text.format(grid)).startswith("FILE:2:1: tries: a grid has configurations of its own")
    space = load(text.format("tpe"), "sampler=grid")
    assert (space.tries, space.left_out) == ((), {"ruled out by --set": 1})


def test_the_schema_says_the_same(schema_accepts: Callable[[str], bool]) -> None:
    assert schema_accepts(TRIES + PARAMETERS)
    for none in ("", "[]"):
        assert schema_accepts(f"tries: {none}\n{PARAMETERS}")
    for wrong in ("{depth: 1}", "[{}]", "[depth]", "[{dept: 1}]", "[{depth: one}]", "false"):
        assert not schema_accepts(f"tries: {wrong}\n{PARAMETERS}")


def test_the_space_for_small_tables_always_tries_a_linear_model() -> None:
    small = load_space(shipped_spaces()["small"])
    assert small.tries[0]["depth"] == 1
    assert small.tries[0]["preprocessing"] == "standardize"
