"""Rows that are copies of others, and columns that tell nothing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fcsearch.data import Dataset, Split
from fcsearch.data.copies import copies_words
from fcsearch.data.loading import read_rows
from fcsearch.data.spec import DatasetSpec

Write = Callable[..., Path]
Load = Callable[..., Dataset]


ROWS = [*range(100), *range(40)]
COLUMNS = {
    "row": [float(row) for row in ROWS],
    "gap": [None if row % 10 == 0 else 0.5 for row in ROWS],
    "b": ["x" if row % 3 else "y" for row in ROWS],
    "who": [row // 2 for row in ROWS],
    "label": ["p" if row % 2 else "q" for row in ROWS],
}


@pytest.fixture
def copied(write_table: Write) -> Path:
    """100 rows of numbers and categories, the first feature of which tells them apart, and 40 of them again."""
    return write_table(COLUMNS)


def numbers_of(part: Split) -> list[int]:
    """Which rows these are, by their first feature."""
    return sorted(part.X[:, 0].astype(int).tolist())


def all_numbers(data: Dataset) -> list[int]:
    return sorted(number for part in (data.train, data.val, data.test) for number in numbers_of(part))


def test_copies_are_counted(copied: Path, load: Load) -> None:
    data = load(copied, preprocessing="none")
    train = set(numbers_of(data.train))
    val, test = (sum(row in train for row in numbers_of(part)) for part in (data.val, data.test))
    assert all_numbers(data) == sorted(ROWS)
    assert val > 2
    assert test > 2
    assert val + test < len(data.val) + len(data.test)
    assert data.details["copies"] == {"rows": 40, "val": val, "test": test}
    assert f"40 rows are copies of others in all columns used; {val} validation and {test} test" in data.copies_words()
    assert "--set dataset.copies=drop" in data.copies_words()


def test_copies_are_counted_over_all_folds(write_table: Write, load: Load) -> None:
    rows = [*range(200)] * 2
    path = write_table({"row": [float(row) for row in rows], "label": ["p" if row % 2 else "q" for row in rows]})
    data = load(path, preprocessing="none", folds=5)
    val = sum(row in numbers_of(fold.train) for fold in data.folds for row in numbers_of(fold.val))
    learned = {*numbers_of(data.train), *numbers_of(data.val)}
    test = sum(row in learned for row in numbers_of(data.test))
    in_first = sum(row in numbers_of(data.train) for row in numbers_of(data.val))
    assert val > 2 * in_first > 0
    assert test > sum(row in numbers_of(data.train) for row in numbers_of(data.test)) > 0
    assert data.details["copies"] == {"rows": 200, "val": val, "test": test}
    assert f"; {val} validation rows of the 5 folds and {test} test rows have a twin in training" in data.copies_words()


def test_rows_that_num_train_leaves_out_of_the_first_fold_are_no_twins_of_test_rows(
    write_table: Write, load: Load
) -> None:
    rows = [*range(300)] * 2
    path = write_table({"row": [float(row) for row in rows], "label": ["p" if row % 2 else "q" for row in rows]})
    data = load(path, preprocessing="none", folds=4, num_train=100, num_val=40)
    learned, *others = ({*numbers_of(fold.train), *numbers_of(fold.val)} for fold in data.folds)
    test = sum(row in learned for row in numbers_of(data.test))
    assert 0 < test < sum(row in learned.union(*others) for row in numbers_of(data.test))
    assert data.details["copies"]["test"] == test


def test_one_of_each_may_be_kept(copied: Path, load: Load) -> None:
    data = load(copied, copies="drop", preprocessing="none")
    assert all_numbers(data) == list(range(100))
    assert data.details["copies"] == {"dropped": 40, "train": 40, "val": 0, "test": 0}
    assert data.copies_words() == "rows that equal earlier ones, dropped: 40"
    again = load(copied, preprocessing="none", drop=["row", "who"])
    assert again.details["copies"]["rows"] > 40


def test_rows_keep_their_own_weight_and_group(copied: Path, load: Load) -> None:
    weighted = load(copied, copies="drop", weights="who", preprocessing="none")
    assert all_numbers(weighted) == list(range(100))
    assert weighted.train.row_weights.tolist() == [row // 2 for row in weighted.train.X[:, 0]]
    grouped = load(copied, copies="drop", group="who", preprocessing="none")
    assert all_numbers(grouped) == list(range(100))
    groups = [{number // 2 for number in numbers_of(part)} for part in (grouped.train, grouped.val, grouped.test)]
    assert [len(of) for of in groups] == list(grouped.split.groups.values())
    assert sum(map(len, groups)) == 50


@pytest.mark.parametrize("option", ["weights", "group", "time"])
def test_rows_that_differ_in_weight_group_or_time_are_not_copies(write_table: Write, load: Load, option: str) -> None:
    """The last 40 rows differ from the first 40 in one column, and those from 100 on are true copies."""
    path = write_table({**COLUMNS, "other": [*range(100), *range(1000, 1020), *range(20, 40)]})
    data = load(path, copies="drop", preprocessing="none", drop="who", **{option: "other"})
    assert data.details["copies"]["dropped"] == 20
    assert all_numbers(data) == sorted([*range(100), *range(20)])
    kept = load(path, preprocessing="none", drop=["who", "other"])
    assert kept.details["copies"]["rows"] == 40


def test_a_zero_and_a_gap_have_one_form(write_table: Write, load: Load) -> None:
    other_nan = np.array([0xFFF8000000000001], np.uint64).view(np.float64)[0]
    values = [0.0, -0.0, np.nan, other_nan, *range(1, 61)]
    path = write_table({"a": values, "label": ["p", "p", "q", "q", *["p", "q"] * 30]})
    assert load(path, copies="drop").details["copies"]["dropped"] == 2


def test_a_test_row_with_a_twin_in_training_is_dropped(tmp_path: Path, load: Load, refusal) -> None:
    lines = [f"{row},{row % 2}" for row in range(40)]
    (tmp_path / "train.csv").write_text("\n".join(["a,label", *lines]))
    (tmp_path / "test.csv").write_text("\n".join(["a,label", "3,1", "3,0", "90,1", "91,0"]))
    assert load(tmp_path).details["copies"] == {"rows": 1, "val": 0, "test": 1}
    data = load(tmp_path, copies="drop", preprocessing="none")
    assert numbers_of(data.test) == [3, 90, 91]
    assert len(data.train) + len(data.val) == 40
    assert data.copies_words() == "rows that equal earlier ones, dropped: 1 (1 from test rows of the source)"
    (tmp_path / "val.csv").write_text("\n".join(["a,label", *lines[:9]]))
    assert "the validation rows of the source must not all be copies" in refusal(tmp_path, copies="drop")
    (tmp_path / "val.csv").unlink()
    (tmp_path / "test.csv").write_text("\n".join(["a,label", *lines[:5]]))
    found = refusal(tmp_path, copies="drop")
    assert "the test rows of the source must not all be copies" in found
    assert "found 5 rows" in found
    assert "or leave copies out" in found


def test_rows_that_differ_in_one_bit_are_no_copies(write_table: Write, load: Load) -> None:
    values = 2.0 ** np.arange(-50, 50)
    data = load(write_table({"a": values, "b": -values, "label": ["p", "q"] * 50}))
    assert data.details["copies"] == {}
    assert copies_words({}) == ""


def test_what_a_column_tells_is_remarked(write_table: Write) -> None:
    columns = {"one": ["x"] * 60, "two": [1.0] * 60, "zip": range(10000, 10060), "n": range(0, 120, 2)}
    rows = read_rows(DatasetSpec(str(write_table({**columns, "label": ["p", "q"] * 30}))))
    why = {column.name: column.why for column in rows.facts}
    assert why["one"] == why["two"] == "it has one value in all rows, and tells nothing"
    assert "write it as text" in why["zip"]
    assert why["n"] == ""
