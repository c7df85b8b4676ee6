"""`--set` and `--dataset`."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fcsearch.errors import SpaceError
from fcsearch.space import Choices, Constant, Range, SearchSpace, load_space
from fcsearch.space.overrides import Override

FULL = (Path(__file__).parents[2] / "search_spaces" / "full.yaml").read_text()
RATE = "parameters: {learning_rate: {low: 1e-3, high: 1e-1, log: true}, epochs: {low: 10, high: 30, step: 10}}"


def test_overrides_change_constants_bounds_and_sections(load: Callable[..., SearchSpace]) -> None:
    space = load(
        RATE,
        "parameters.epochs=10",
        "parameters.learning_rate.high=5e-1",
        "parameters.dropout={choices: [0, 0.5]}",
        "trials=5",
        "sampler=random",
        "name=other",
    )
    assert space.parameters["epochs"] == Constant("epochs", 10)
    assert space.parameters["learning_rate"] == Range("learning_rate", 1e-3, 0.5, log=True)
    assert space.parameters["dropout"] == Choices("dropout", (0.0, 0.5))
    assert (space.name, space.trials, space.sampler.name) == ("other", 5, "random")


def test_folds_of_a_recorded_space_can_be_changed_and_hold_for_other_data(load: Callable[..., SearchSpace]) -> None:
    recorded = SearchSpace.from_json(load(RATE, "folds=5").to_json())
    assert recorded.changed([], dataset="other.csv").dataset.folds == 5
    assert recorded.changed(["folds=2"]).dataset.folds == 2
    assert recorded.changed(["folds=1"], dataset="other.csv").dataset.folds is None
    assert recorded.changed(["folds=2", "dataset.folds=3"]).dataset.folds == 3
    # As earlier versions recorded them.
    earlier = {key: value for key, value in recorded.to_json().items() if key != "folds"}
    assert SearchSpace.from_json(earlier) == recorded


def test_a_later_override_wins_and_builds_on_an_earlier(load: Callable[..., SearchSpace]) -> None:
    assert load(RATE, "trials=5", "trials=6").trials == 6
    space = load(RATE, "parameters.reg={low: 0, high: 1}", "parameters.reg.high=0.5")
    assert space.parameters["reg"] == Range("reg", 0.0, 0.5)


def test_options_beside_a_short_form(load: Callable[..., SearchSpace]) -> None:
    space = load(
        RATE + "\nsampler: tpe\ndataset: digits\nearly_stopping: asha",
        "sampler.n_startup_trials=3",
        "dataset.num_train=500",
        "early_stopping.min_epochs=2",
    )
    assert (space.sampler.name, space.sampler.options) == ("tpe", {"n_startup_trials": 3})
    assert (space.dataset.source, space.dataset.num_train) == ("digits", 500)
    assert (space.early_stopping.min_epochs, space.early_stopping.reduction_factor) == (2, 3)
    built = load(RATE, "early_stopping.min_epochs=2").early_stopping
    assert built.min_epochs == 2


def test_null_takes_a_key_out(load: Callable[..., SearchSpace]) -> None:
    space = load(FULL, "early_stopping=null", "parameters.reg=null", "trials=")
    assert space.early_stopping is None
    assert "reg" not in space.parameters
    assert space.trials == 50
    assert load(RATE, "parameters.batch_size=null") == load(RATE)


def test_what_an_override_takes_the_ground_from_is_left_out(load: Callable[..., SearchSpace]) -> None:
    settings = {"momentum", "decay_rate", "beta1", "beta2"}
    everything = set(load(FULL).parameters)
    assert set(load(FULL, "parameters.update_rule=adam").parameters) == everything - {"momentum", "decay_rate"}
    some = load(FULL, "parameters.update_rule.choices=[sgd, rmsprop]")
    assert set(some.parameters) == everything - settings | {"decay_rate"}
    linear = load(FULL, "parameters.depth=1")
    assert set(linear.parameters) == everything - {"hidden_dim", "dropout"}
    layers = load(FULL, "parameters.hidden_dims=[64, 32]")
    assert set(layers.parameters) == everything - {"depth", "hidden_dim"} | {"hidden_dims"}
    deep = load("parameters: {hidden_dims: [64]}", "parameters.depth=3")
    assert set(deep.parameters) == {"depth"}
    chain = load(
        "parameters: {loss: {choices: [svm, softmax]}, reg: {choices: [0, 1], when: {loss: svm}}, "
        "epochs: {choices: [3, 4], when: {reg: 1}}}",
        "parameters.loss=softmax",
    )
    assert set(chain.parameters) == {"loss"}


def test_the_dataset_option_replaces_the_files_dataset_and_its_options(load: Callable[..., SearchSpace]) -> None:
    text = RATE + "\ndataset: {source: a.csv, label: y}"
    space = load(text, dataset="b.parquet")
    assert (space.dataset.source, space.dataset.label) == ("b.parquet", None)
    assert load(text, "dataset.label=z", dataset="b.parquet").dataset.label == "z"


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("trials", "--set trials: an override is KEY=VALUE"),
        ("=3", "--set =3: an override is KEY=VALUE"),
        ("trails=3", "--set trails=3: unknown key 'trails'; did you mean 'trials'?"),
        ("epochs=3", "--set epochs=3: unknown key 'epochs'; did you mean 'parameters.epochs'?"),
        ("parameters.epoch=3", "unknown parameter 'epoch'; did you mean 'epochs'?"),
        ("parameters.epochs=ten", "--set parameters.epochs=ten: parameters.epochs: epochs must be an integer"),
        ("parameters.epochs.hihg=3", "unknown key 'hihg'; did you mean 'high'?"),
        ("parameters.epochs.high=35", "--set parameters.epochs.high=35: parameters.epochs.high: high must be low plus"),
        ("parameters.epochs.high=5", "--set parameters.epochs.high=5: parameters.epochs.high: low must not be above"),
        (
            "parameters.learning_rate.log=3",
            "--set parameters.learning_rate.log=3: parameters.learning_rate.log: true or",
        ),
        ("parameters.learning_rate.choices=[1]", "(changed by --set parameters.learning_rate.choices=[1])"),
        ("parameters.loss.when.x=3", "one of value, choices"),
        ("trials.x=3", "trials is the number 4, which has no 'x'"),
        ("trials.x.y=3", "trials is the number 4, which has no 'x'"),
        ("trials=[1", "--set trials=[1: YAML error"),
        ("trials=0", "--set trials=0: trials: an integer from 1"),
        ("parameters=3", "--set parameters=3: parameters: a mapping"),
        ("parameters=null", "parameters: what to search is missing"),
        ("parameters.momentum=0.9", "--set parameters.momentum=0.9: parameters.momentum: momentum is read by"),
        ("dataset.num_train=0", "--set dataset.num_train=0"),
        ("sampler.n_startup_trials=3", "random has no option 'n_startup_trials'"),
        ("a..b=3", "unknown key 'a'"),
        ("parameters.=3", "unknown parameter ''"),
    ],
)
def test_errors_name_the_override(refusal: Callable[..., str], override: str, says: str) -> None:
    assert says in refusal(RATE + "\ntrials: 4\nsampler: random", override)


@pytest.mark.parametrize(
    "override",
    ["dataset=b.csv", "dataset.source=b.csv", "dataset={label: y}", "dataset={source: b.csv}", "dataset=null"],
)
def test_another_dataset_beside_the_one_that_is_named_is_refused(
    load: Callable[..., SearchSpace], refusal: Callable[..., str], override: str
) -> None:
    found = refusal(RATE, override, dataset="a.csv")
    assert found.startswith(f"--set {override}: the dataset is a.csv already; name another one in its place")
    assert load(RATE, "dataset={source: a.csv, label: y}", "dataset.source=a.csv", dataset="a.csv").dataset.label == "y"
    assert load(RATE, "dataset.source=./a.csv", dataset="a.csv").dataset.source == "./a.csv"
    recorded = load(RATE)
    assert recorded.changed([], dataset="a.csv").dataset.source == "a.csv"
    with pytest.raises(SpaceError, match=re.escape(f"--set {override}: the dataset is a.csv already")):
        recorded.changed([override], dataset="a.csv")


def test_an_option_that_says_something_else_than_what_is_set_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(RATE)
    option = Override('dataset.label="y"', "--label y")
    with pytest.raises(SpaceError, match=re.escape("--label y: --set dataset.label=z says otherwise; leave one of")):
        load_space(path, overrides=["dataset.label=z", option], dataset="a.csv")
    assert load_space(path, overrides=["dataset.label=y", option], dataset="a.csv").dataset.label == "y"
