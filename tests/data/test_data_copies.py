"""Rows that are copies of others, and columns that tell nothing."""

from __future__ import annotations

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
WHOLE = [float(number) for number in range(100)]


@pytest.fixture
def copied(write_table: Write) -> Path:
    """100 rows of numbers and categories, and 40 of them again; a gap in every tenth."""
    rows = [*range(100), *range(40)]
    return write_table(
        {
            "a": [None if row % 10 == 0 else WHOLE[row] for row in rows],
            "b": ["x" if row % 3 else "y" for row in rows],
            "key": [row // 2 for row in rows],
            "label": ["p" if row % 2 else "q" for row in rows],
        }
    )


def rows_of(part: Split) -> list[bytes]:
    return [x.tobytes() + bytes([y]) for x, y in zip(part.X, part.y.astype(np.uint8), strict=True)]


def test_copies_are_counted(copied: Path, load: Load) -> None:
    data = load(copied, preprocessing="none")
    train = {*rows_of(data.train)}
    val, test = (sum(row in train for row in rows_of(part)) for part in (data.val, data.test))
    assert data.details["copies"] == {"rows": 40, "val": val, "test": test}
    assert data.details["copies"]["val"] > 0
    assert "40 rows are copies" in data.copies_words()
    assert "--set dataset.copies=drop" in data.copies_words()


def test_one_of_each_may_be_kept(copied: Path, load: Load) -> None:
    data = load(copied, copies="drop")
    assert len(data.train) + len(data.val) + len(data.test) == 100
    assert data.details["copies"] == {}
    assert data.copies_words() == ""
    grouped = load(copied, copies="drop", group="key", drop="b")
    assert sum(grouped.split.groups.values()) == 50
    weighted = load(copied, copies="drop", weights="key")
    assert len(weighted.train.row_weights) == len(weighted.train)


def test_a_test_row_with_a_twin_in_training_is_dropped(tmp_path: Path, load: Load) -> None:
    lines = [f"{row},{row % 2}" for row in range(40)]
    (tmp_path / "train.csv").write_text("\n".join(["a,label", *lines]))
    (tmp_path / "test.csv").write_text("\n".join(["a,label", "3,1", "3,0", "90,1", "91,0"]))
    assert load(tmp_path).details["copies"] == {"rows": 1, "val": 0, "test": 1}
    assert len(load(tmp_path, copies="drop").test) == 3


def test_rows_that_differ_in_one_bit_are_no_copies(write_table: Write, load: Load) -> None:
    values = 2.0 ** np.arange(-50, 50)
    data = load(write_table({"a": values, "b": -values, "label": ["p", "q"] * 50}))
    assert data.details["copies"] == {}
    assert copies_words({}) == ""


def test_what_a_column_tells_is_remarked(write_table: Write) -> None:
    columns = {"one": ["x"] * 60, "two": [1.0] * 60, "zip": range(10000, 10060), "n": range(60)}
    rows = read_rows(DatasetSpec(str(write_table({**columns, "label": ["p", "q"] * 30}))))
    why = {column.name: column.why for column in rows.facts}
    assert why["one"] == why["two"] == "it has one value in all rows, and tells nothing"
    assert "write it as text" in why["zip"]
    assert why["n"] == ""
