"""What a space becomes for a dataset of a task."""

import re

import pytest

from fcsearch.errors import SpaceError

SPACE = "parameters:\n  learning_rate: 0.1\n"


def test_the_objective_and_the_loss_are_those_of_the_task(load) -> None:
    space = load(SPACE)
    assert (space.objective, space.known_objective.name) == (None, "accuracy")
    classes = space.for_task("classification")
    assert classes.objective == "accuracy"
    assert "loss" not in classes.parameters
    targets = space.for_task("regression")
    assert targets.objective == "rmse"
    assert targets.parameters["loss"].finite_values() == ("squared",)
    assert targets.for_task("regression") == targets


def test_what_the_file_says_stays(load) -> None:
    space = load("objective: mae\n" + SPACE + "  loss: {choices: [absolute, huber]}\n")
    found = space.for_task("regression")
    assert found.objective == "mae"
    assert found.parameters == space.parameters


@pytest.mark.parametrize(
    ("text", "task", "message"),
    [
        ("objective: rmse\n" + SPACE, "classification", "must be one of accuracy, .*; found rmse"),
        ("objective: roc_auc\n" + SPACE, "regression", "must be one of rmse, mae, r2; found roc_auc"),
        (SPACE + "  loss: svm\n", "regression", "must be squared or absolute or huber; found svm"),
        (SPACE + "  loss: huber\n", "classification", "must be softmax or svm; found huber"),
        (SPACE + "  label_smoothing: 0.1\n", "regression", "label_smoothing does nothing in a regression"),
    ],
)
def test_what_belongs_to_another_task_is_refused(load, text: str, task, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        load(text).for_task(task)


def test_a_task_and_an_objective_come_back_from_the_record(load) -> None:
    space = load("task: regression\nobjective: r2\n" + SPACE)
    assert (space.dataset.task, space.objective) == ("regression", "r2")
    assert type(space).from_json(space.to_json()) == space
    old = {key: value for key, value in space.to_json().items() if key not in ("task", "objective")}
    old["dataset"] = {key: value for key, value in old["dataset"].items() if key != "task"}
    assert type(space).from_json(old).objective is None


def test_class_weights_are_of_the_dataset_and_come_back_from_the_record(load) -> None:
    assert load(SPACE).dataset.class_weight is None
    for text, expected in (
        ("balanced", "balanced"),
        ("{yes: 3, 0: 1.5, true: 1, '2.0': 4}", {"yes": 3.0, "0": 1.5, "true": 1.0, "2.0": 4.0}),
    ):
        space = load(f"class_weight: {text}\n" + SPACE, dataset="other.csv")
        assert space.dataset.class_weight == expected
        assert type(space).from_json(space.to_json()) == space
        assert load(SPACE, f"class_weight={text}") == load(f"class_weight: {text}\n" + SPACE)
    assert load(SPACE, "class_weight.yes=3").dataset.class_weight == {"yes": 3.0}
    assert load("class_weight: balanced\n" + SPACE, "class_weight=null").dataset.class_weight is None
    assert load("dataset: {source: a.csv, weights: w}\n" + SPACE).dataset.weights == "w"
    assert load("dataset: a.csv\n" + SPACE, "dataset.weights=w").dataset.weights == "w"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("balance", "FILE:1:15: class_weight: .*found the text 'balance'; did you mean 'balanced'"),
        ("{yes: -1}", "a number of at least 0 for each of some classes"),
        ("{yes: many}", "a number of at least 0 for each of some classes"),
        ("{}", "a number of at least 0 for each of some classes"),
        ("[1, 2]", "a number of at least 0 for each of some classes"),
        ("3", "a number of at least 0 for each of some classes"),
    ],
)
def test_class_weights_that_cannot_be_are_refused(refusal, text: str, message: str) -> None:
    assert re.search(message, refusal(f"class_weight: {text}\n" + SPACE))


def test_a_wrong_word_is_refused_with_the_right_ones(refusal) -> None:
    assert "rmse" in refusal("objective: rmsd\n" + SPACE)
    assert "regression" in refusal("task: regresion\n" + SPACE)
