"""Columns that name rows and do not describe them, by their names and by their values."""

import numpy as np
import pytest

from fcsearch.data.told import told

Y = [0, 1] * 30
NUMBERS = np.random.default_rng(0).normal(size=60)
APART = [row * 3 for row in range(60)]


@pytest.mark.parametrize(
    "name",
    [
        *("id", "CustomerId", "PassengerID", "RowNumber", "Kundennr", "order no", "Nr", "row number", "item_nr"),
        *("customer-id", "user.id"),
    ],
)
def test_different_integers_under_such_a_name_are_refused(write_table, refusal, name) -> None:
    found = refusal(write_table({"a": NUMBERS, name: APART, "label": Y}))
    assert "found a different number in every row: an identifier. Leave it out" in found


@pytest.mark.parametrize("values", [[None, *APART[1:]], [float("nan"), *map(float, APART[1:])]])
def test_gaps_do_not_make_features_of_such_integers(write_table, refusal, values) -> None:
    found = refusal(write_table({"a": NUMBERS, "customer_id": values, "label": Y}))
    assert "found a different number in every row that has one: an identifier. Leave it out" in found


@pytest.mark.parametrize(
    "values", [[row + 0.5 for row in range(60)], [None] * 31 + APART[31:], [3.0, 3.0, *map(float, APART[2:])]]
)
def test_fractions_rare_numbers_and_repeated_ones_are_features(write_table, load, values) -> None:
    assert load(write_table({"a": NUMBERS, "no": values, "label": Y})).input_dim == 2


@pytest.mark.parametrize("name", ["bid", "humid", "piano", "casino", "valid", "GRID", "snr", "PSNR", "atomicNumber"])
def test_a_word_that_only_ends_like_such_a_name_is_a_feature(write_table, load, name) -> None:
    assert load(write_table({"a": NUMBERS, name: APART, "label": Y})).input_dim == 2


def test_a_column_that_numbers_the_rows_is_told_and_used(write_table, load) -> None:
    numbered = [(7 * row) % 60 + 1000 for row in range(60)]
    data = load(write_table({"a": NUMBERS, "member": numbered, "other": APART, "label": Y}))
    assert data.input_dim == 3
    assert [column.name for column in data.columns if "different number in every row" in column.why] == ["member"]
    says = told(data)["identifiers"]
    assert says.startswith(
        "member: a different number in every row, without gaps; if it is an identifier, leave it out"
    )
    assert says.endswith("""--set 'dataset.drop=["member"]'""")


def test_advice_to_leave_columns_out_names_those_that_are_left_out_already(write_table, load, refusal) -> None:
    numbered = [(7 * row) % 60 + 1000 for row in range(60)]
    path = write_table({"a": NUMBERS, "b": NUMBERS, "member": numbered, "user_id": APART, "label": Y})
    assert told(load(path, drop=("b", "user_id")))["identifiers"].endswith("""drop=["b", "user_id", "member"]'""")
    found = refusal(path, drop=("b",))
    assert found.endswith("""drop: ["b", "user_id"] in a space file, or --set 'dataset.drop=["b", "user_id"]'""")


@pytest.mark.parametrize("values", [[*range(59), 58], [*range(1, 60), None], [2 * row for row in range(60)]])
def test_other_integers_are_not(write_table, load, values) -> None:
    assert "identifiers" not in told(load(write_table({"a": NUMBERS, "member": values, "label": Y})))
