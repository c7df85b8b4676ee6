"""Columns that go with the label one to one, and classes that may be one: both are told, and used."""

import numpy as np
import pyarrow as pa
import pytest

from fcsearch.data.label_twins import ONE_WITH_LABEL
from fcsearch.data.told import told

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=60)
Y = [row % 3 for row in range(60)]
TARGETS = (NUMBERS * 7).round(3)


def twins(data) -> list[str]:
    return [column.name for column in data.columns if column.why == ONE_WITH_LABEL]


@pytest.mark.parametrize(
    "values",
    [
        Y,
        [("low", "middle", "high")[y] for y in Y],
        [(None, "b", "c")[y] for y in Y],
        [(None, 3.5, 2.0)[y] for y in Y],
        pa.array([str(-y) for y in Y]).dictionary_encode(),
    ],
)
def test_a_column_that_goes_with_the_classes_is_told(write_table, load, values) -> None:
    data = load(write_table({"a": NUMBERS, "b": NUMBERS.round(), "score": values, "label": Y}), drop=["b"])
    assert twins(data) == ["score"]
    assert data.input_dim >= 2
    assert told(data)["one with the label"] == (
        f"""score: {ONE_WITH_LABEL}: drop: ["b", "score"] in a space file, or --set 'dataset.drop=["b", "score"]'"""
    )


@pytest.mark.parametrize(
    "values",
    [
        [*Y[:-1], 0],
        [y % 2 for y in Y],
        [row % 6 for row in range(60)],
        [[float(y), 1.0] for y in Y],
        NUMBERS,
    ],
)
def test_a_column_that_differs_in_one_row_or_class_is_not(write_table, load, values) -> None:
    data = load(write_table({"a": NUMBERS, "score": values, "label": Y}))
    assert twins(data) == []
    assert "one with the label" not in told(data)


def test_chance_makes_twins_of_few_rows_and_of_rare_classes(write_table, load) -> None:
    for y in (Y[:45], [int(row < 9) for row in range(60)]):
        table = {"a": NUMBERS[: len(y)], "score": [value + 1 for value in y], "label": y}
        assert twins(load(write_table(table))) == []


def test_a_late_row_tells_a_column_from_the_label(write_table, load) -> None:
    y = [row % 2 for row in range(3000)]
    table = {"a": RNG.normal(size=3000), "score": [*y[:-1], 0], "same": y, "label": y}
    assert twins(load(write_table(table))) == ["same"]


def test_a_column_that_equals_the_targets_is_told(write_table, load) -> None:
    order = np.argsort(TARGETS).argsort()
    table = {"a": NUMBERS, "same": TARGETS, "rank": order, "gaps": [None, *TARGETS[1:]], "label": TARGETS}
    # Copies of fewer digits.
    table |= {"short": TARGETS.astype(np.float32), "text": TARGETS.astype(np.float32).astype(str).astype(float)}
    data = load(write_table({**table, "near": TARGETS + 0.001}))
    assert data.task == "regression"
    assert twins(data) == ["same", "short", "text"]


def test_integers_are_compared_in_all_digits(write_table, load) -> None:
    ends = 1_700_000_000 + 1000 * np.arange(60)
    data = load(write_table({"a": NUMBERS, "start": ends - 1, "end": ends, "label": ends}))
    assert twins(data) == ["end"]


def test_a_twin_keeps_what_else_is_said_of_it(write_table, load) -> None:
    texts = [("1 000", "2 000", "3 000")[y] for y in Y]
    data = load(write_table({"a": NUMBERS, "score": texts, "label": Y}))
    lines = told(data)
    assert lines["one with the label"].startswith(f"score: {ONE_WITH_LABEL}: drop:")
    assert lines["categories"].startswith("score: They look like numbers with signs between thousands")
    assert lines["categories"].endswith("Write them without")
    [why] = [column.why for column in data.columns if column.name == "score"]
    assert why.startswith("as categories. They look")
    assert why.endswith(f"Write them without; {ONE_WITH_LABEL}")


def test_classes_and_categories_that_differ_only_in_capitals_are_told(write_table, load) -> None:
    words = ["Yes", "yes", "no"] * 20
    data = load(write_table({"a": NUMBERS, "c": RNG.permutation(words), "label": words}))
    assert (
        told(data)["alike classes"]
        == "'Yes' and 'yes' differ only in capitals: if they are one class, write it in one way"
    )
    remarks = {column.name: column.why for column in data.columns}
    assert remarks["c"] == "as categories, of which 'Yes' and 'yes' differ only in capitals"
    other = load(write_table({"a": NUMBERS, "label": ["yes", "no"] * 30}))
    assert "alike classes" not in told(other)
