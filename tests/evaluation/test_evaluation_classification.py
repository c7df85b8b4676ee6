"""Figures by class: those of scikit-learn, and what it has no figure for."""

import dataclasses
import io
import json
import warnings

import numpy as np
import pytest
from rich.console import Console
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, precision_recall_fscore_support

from fcsearch.evaluation.baseline import BaseLine, base_line
from fcsearch.evaluation.classification import Classification, Confusion, classify
from fcsearch.report.class_tables import class_parts
from fcsearch.report.verdict import lead_over


@pytest.mark.parametrize("seed", range(4))
def test_figures_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.choice(5, 300, p=[0.6, 0.2, 0.1, 0.08, 0.02])
    labels[:5] = range(5)
    predicted = np.where(rng.random(300) < 0.7, labels, rng.integers(0, 5, 300))
    found = classify(labels, predicted, list("abcde"))
    precision, recall, f1, rows = precision_recall_fscore_support(labels, predicted)
    assert [entry.precision for entry in found.classes] == pytest.approx(precision)
    assert [entry.recall for entry in found.classes] == pytest.approx(recall)
    assert [entry.f1 for entry in found.classes] == pytest.approx(f1)
    assert [entry.rows for entry in found.classes] == list(rows)
    assert found.f1_macro == pytest.approx(f1.mean())
    assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, predicted))
    assert np.array_equal(found.confusion, confusion_matrix(labels, predicted))
    assert found.base_line == BaseLine("a", np.bincount(labels)[0] / 300, 300)


def test_the_balanced_error_is_that_of_repeated_draws() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [300, 60])
    draws = [
        classify(labels, np.where(rng.random(360) < np.where(labels == 0, 0.9, 0.6), labels, 1 - labels), ["a", "b"])
        for _ in range(400)
    ]
    spread = np.std([found.balanced_accuracy for found in draws])
    assert np.mean([found.balanced_error for found in draws]) == pytest.approx(spread, rel=0.1)


def test_a_class_without_rows_and_one_that_is_never_found() -> None:
    found = classify(np.array([0, 0, 0, 1]), np.array([0, 0, 2, 0]), ["a", "b", "c"])
    assert found.without_rows == ("c",)
    assert [(entry.recall, entry.precision, entry.f1) for entry in found.classes] == [
        (pytest.approx(2 / 3), pytest.approx(2 / 3), pytest.approx(2 / 3)),
        (0.0, None, 0.0),
        (None, 0.0, None),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = balanced_accuracy_score([0, 0, 0, 1], [0, 0, 2, 0])
    assert found.balanced_accuracy == pytest.approx(expected)


def test_the_most_confused_pairs() -> None:
    found = classify(np.array([0, 0, 0, 1, 1, 2]), np.array([1, 1, 0, 0, 1, 2]), ["a", "b", "c"])
    assert found.most_confused(5) == (Confusion("a", "b", 2), Confusion("b", "a", 1))
    assert found.most_confused(1) == (Confusion("a", "b", 2),)


def test_is_read_back_from_json() -> None:
    found = classify(np.array([0, 0, 1]), np.array([0, 1, 1]), ["a", "b", "c"])
    assert Classification.from_json(json.loads(json.dumps(dataclasses.asdict(found)))) == found


def test_the_base_line_is_beaten_by_more_than_two_standard_errors() -> None:
    base = base_line(["no", "yes"], [96, 4])
    assert base == BaseLine("no", 0.96, 100)
    assert [lead_over(base, 0.96 + more, 0.01).is_real for more in (0.019, 0.021, -0.4)] == [False, True, False]


def shown(found: Classification, *, width: int, limit: int | None = None) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, color_system=None)
    for part in class_parts(found, width=width, limit=limit):
        console.print(part)
    return stream.getvalue()


def many(classes: int) -> Classification:
    labels = np.repeat(np.arange(classes), 3)
    predicted = labels.copy()
    predicted[:2] = 1
    return classify(labels, predicted, [f"[b]class {index}" for index in range(classes)])


def test_few_classes_are_shown_as_a_matrix_with_their_names() -> None:
    text = shown(many(3), width=80)
    assert "Rows by class (left) and by predicted class (top)" in text
    lines = [line.split() for line in text.splitlines() if line.startswith("[b]class 0")]
    assert lines == [["[b]class", "0", "3", "33.33%", "100.00%", "50.00%"], ["[b]class", "0", "1", "2", "0"]]


@pytest.mark.parametrize(("classes", "width"), [(3, 40), (20, 200)])
def test_what_no_matrix_shows_well_is_shown_as_pairs(classes: int, width: int) -> None:
    text = shown(many(classes), width=width)
    assert "Confused most often" in text
    assert ["[b]class", "0", "[b]class", "1", "2"] in [line.split() for line in text.splitlines()]
    assert max(map(len, text.splitlines())) <= width


def test_of_many_classes_a_report_shows_the_worst() -> None:
    text = shown(many(20), width=100, limit=4)
    assert "The 4 classes of 20 with the lowest F1" in text
    assert next(line.split("  ")[0] for line in text.splitlines() if line.startswith("[b]class")) == "[b]class 0"
    assert "[b]class 19" not in text
    assert "[b]class 19" in shown(many(20), width=100)


def test_classes_without_rows_are_named() -> None:
    found = classify(np.array([0, 0]), np.array([0, 0]), ["a", "b", "c"])
    assert "No rows of classes 'b' and 'c'" in shown(found, width=100)
