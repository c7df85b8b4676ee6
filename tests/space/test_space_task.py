"""What a space becomes for a dataset of a task."""

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


def test_a_wrong_word_is_refused_with_the_right_ones(refusal) -> None:
    assert "rmse" in refusal("objective: rmsd\n" + SPACE)
    assert "regression" in refusal("task: regresion\n" + SPACE)
