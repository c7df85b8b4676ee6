"""Errors of the Python functions name their arguments, and never an option of a command."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import fcsearch
from fcsearch.cli.run import run as run_command
from fcsearch.data import dataset_in_memory
from fcsearch.errors import FcsearchError
from fcsearch.wording import Arguments, EstimatorArguments, option, worded

SPACE: dict[str, Any] = {"parameters": {"learning_rate": 0.01, "epochs": 1, "hidden_dim": 4}}


def customers(count: int = 60) -> dict[str, Any]:
    random = np.random.default_rng(0)
    return {"age": random.integers(18, 80, count), "plan": random.choice(["basic", "plus"], count)}


def fit(X: Any, y: Any, **options: Any) -> None:
    fcsearch.FCSearchClassifier(space=SPACE, trials=1, random_state=0).set_params(**options).fit(X, y)


def search(X: Any, y: Any = None, **options: Any) -> None:
    fcsearch.search(X, y, **{"space": SPACE, "trials": 1, "pool": "inline", **options})


def message(call: Callable[..., None], *given: Any, **options: Any) -> str:
    with pytest.raises((FcsearchError, ValueError)) as caught:
        call(*given, **options)
    text = str(caught.value)
    assert "--" not in text
    assert "space file" not in text
    return text


@pytest.mark.parametrize("call", [fit, search])
def test_a_time_budget_without_a_trial_names_no_folder_that_is_removed(call: Callable[..., None]) -> None:
    X, y = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 2
    assert message(call, X, y, time_budget=1e-6).endswith("; give a longer `time_budget`")


@pytest.mark.parametrize("call", [fit, search])
def test_two_columns_of_one_name_are_refused_in_the_words_of_the_house(call: Callable[..., None]) -> None:
    pandas = pytest.importorskip("pandas")
    for columns, name in ((["a", "b", "a"], "a"), ([1, "1", "b"], "1")):
        frame = pandas.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=columns)
        found = message(call, frame, np.arange(60) % 2)
        assert found == f"the table must name each column once; found '{name}' more than once. Rename one of them."


@pytest.mark.parametrize("call", [fit, search])
def test_a_search_without_a_result_says_why_and_names_no_folder_that_is_removed(
    call: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 2
    wild = {"parameters": {**SPACE["parameters"], "learning_rate": 1e30, "update_rule": "sgd"}}
    found = message(call, X, y, space=wild, pool="inline")
    assert found.startswith("no trial has a result (1 diverged); the loss of those that diverged was not finite")
    assert found.endswith("in the space")

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr("fcsearch.search.pool.pack_run.PackRun.train", broken)
    assert message(call, X, y, pool="inline") == "every trial failed: RuntimeError: no room"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"trials": 0}, "`trials` must be an integer of at least 1; found 0"),
        ({"time_budget": -1.0}, "`time_budget` must be a number above 0; found -1.0"),
        ({"pool": "inline", "workers": 3}, "found `workers=3`; use the pool local"),
        ({"pool": "local", "workers": 999}, "`workers=999` must fit"),
        ({"label": "y"}, "Give another label, by `y` or `label`, or add rows of another class."),
        ({"dataset": {"task": "regression"}, "class_weight": "balanced"}, 'with `dataset={"task": "classification"}`.'),
        ({"dataset": {"preprocessing": "periodic"}}, "`parameters.preprocessing: periodic` in a dict"),
        (
            {"dataset": {"task": "regression"}, "space": {"parameters": {**SPACE["parameters"], "loss": "softmax"}}},
            "with `parameters.loss: squared` in a dict or YAML file as `space`, or the task with "
            '`dataset={"task": "classification"}`',
        ),
    ],
)
def test_a_search_names_its_arguments(options: dict[str, Any], said: str) -> None:
    y = np.zeros(60) if "label" in options else np.arange(60) % 2 + (0.5 if "dataset" in options else 0.0)
    frame = pytest.importorskip("pandas").DataFrame(customers())
    assert said in message(search, frame, y, **options)


def test_a_search_says_which_argument_names_the_label_and_leaves_columns_out() -> None:
    frame = pytest.importorskip("pandas").DataFrame(customers())
    assert message(search, frame).endswith("Say which column it is with `label`.")
    refused = message(search, frame.assign(id=range(5000, 5060)), label="plan")
    assert refused.endswith('To leave it out: `dataset={"drop": ["id"]}`')


def test_an_array_for_a_table_is_told_to_be_one() -> None:
    frame = pytest.importorskip("pandas").DataFrame(customers())
    run = fcsearch.search(frame, label="plan", space=SPACE, trials=1, pool="inline")
    said = message(run.predict, np.zeros((3, 1)))
    assert said.endswith("Give a table with these names, such as by pandas.DataFrame(X, columns=...).")


def test_a_run_directory_that_exists_is_refused_by_the_argument(tmp_path: Any) -> None:
    frame = pytest.importorskip("pandas").DataFrame(customers())
    assert "choose another with `out`, or continue" in message(search, frame, label="plan", out=tmp_path)


def test_an_estimator_names_the_columns_of_the_frame_and_what_leaves_them_out() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(customers()).assign(
        id=range(5000, 5060), date=pandas.date_range("2026-01-01", periods=60), y=np.arange(60) % 7 * 0.5
    )
    said = message(fit, frame, np.arange(60) % 2)
    assert "column 'id' of the table" in said
    assert "column 'date' of the table" in said
    assert said.endswith('To leave the features out: `X.drop(columns=["id", "date"])`')
    assert message(fit, frame[["age", "plan"]], ["no"] * 60).endswith("Give another `y`, or add rows of another class.")
    fitted = fcsearch.FCSearchClassifier(space=SPACE, trials=1, random_state=0)
    fitted.fit(frame[["plan", "y"]], np.arange(60) % 2)
    assert [item.name for item in fitted.model_.transform.inputs] == ["plan", "y"]
    assert fitted.predict(frame[["plan", "y"]]).shape == (60,)


def test_commands_keep_their_options() -> None:
    result = CliRunner().invoke(run_command, ["dropout", "--workers", "0"])
    assert "--workers" in f"{result.output}{result.exception}"


def test_what_a_search_says_of_its_rows_names_arguments() -> None:
    frame = pytest.importorskip("pandas").DataFrame(customers(20))
    twice = pytest.importorskip("pandas").concat([frame] * 10)
    y = [0] * 195 + [1] * 5
    rows = dataset_in_memory(twice, y)
    assert "--set dataset.copies=drop" in rows.copies_words()
    assert "--set objective=balanced_accuracy" in rows.one_sided()
    with worded(Arguments()):
        assert rows.copies_words().endswith('`dataset={"copies": "drop"}`')
        assert "try `objective='balanced_accuracy'`" in rows.one_sided()
    with worded(EstimatorArguments()):
        assert rows.copies_words().endswith('`fcsearch.search(..., dataset={"copies": "drop"})`')


def test_the_words_are_those_of_the_caller_for_as_long_as_it_runs() -> None:
    assert option("cpus_per_worker", 2) == "--cpus-per-worker 2"
    with worded(Arguments()):
        assert option("cpus_per_worker", 2) == "`cpus_per_worker=2`"
    assert option("cpus_per_worker") == "--cpus-per-worker"
