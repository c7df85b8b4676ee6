"""Splits by a column: whole groups, and the order of time."""

import datetime
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fcsearch.data import Dataset, DatasetSpec, dataset_in_memory
from fcsearch.data.group_splits import draw_groups
from fcsearch.data.split_facts import SplitFacts
from fcsearch.data.split_keys import SplitKey

ROWS = 600
RANDOM = np.random.RandomState(0)
# Customers of very different numbers of rows; what is learned is the number of the row, by which a row can be told.
CUSTOMERS = np.sort(RANDOM.zipf(1.6, ROWS) % 60)
COLUMNS = {
    "row": np.arange(ROWS, dtype=np.float64),
    "customer": [f"c{number}" for number in CUSTOMERS],
    "day": RANDOM.permutation(ROWS) // 4,
    "label": RANDOM.randint(0, 3, ROWS),
}
Write = Callable[..., Path]
Load = Callable[..., Dataset]
Refuse = Callable[..., str]


def rows_of(dataset: Dataset) -> list[np.ndarray]:
    """The row numbers of the three splits, from the only feature."""
    return [part.X[:, 0].round().astype(int) for part in (dataset.train, dataset.val, dataset.test)]


def load_plain(load: Load, path: Path, **options: object) -> Dataset:
    drop = [name for name in ("customer", "day") if name not in options.values()]
    return load(path, preprocessing="none", drop=drop, **options)


def test_no_group_lies_in_two_splits(write_table: Write, load: Load) -> None:
    dataset = load_plain(load, write_table(COLUMNS), group="customer")
    parts = rows_of(dataset)
    groups = [set(CUSTOMERS[rows]) for rows in parts]
    assert sorted(np.concatenate(parts)) == list(range(ROWS))
    assert groups[0].isdisjoint(groups[1])
    assert groups[0].isdisjoint(groups[2])
    assert groups[1].isdisjoint(groups[2])
    assert dataset.input_dim == 1
    names = ("train", "val", "test")
    assert dataset.split == SplitFacts("group", "customer", groups=dict(zip(names, map(len, groups), strict=True)))
    assert dataset.describe()["split"]["groups"] == dataset.split.groups


def test_splits_by_groups_have_nearly_the_rows_and_classes_of_the_fractions(write_table: Write, load: Load) -> None:
    for seed in range(5):
        dataset = load_plain(load, write_table(COLUMNS), group="customer", split_seed=seed)
        for part in (dataset.val, dataset.test):
            assert abs(len(part) / ROWS - 0.15) < 0.03
            assert np.abs(np.bincount(part.y) / len(part) - np.bincount(COLUMNS["label"]) / ROWS).max() < 0.1


def test_the_seed_draws_the_groups_and_the_order_of_the_rows_does_not(write_table: Write, load: Load) -> None:
    def test_rows(columns: dict[str, object], seed: int) -> list[int]:
        return sorted(rows_of(load_plain(load, write_table(columns), group="customer", split_seed=seed))[2])

    order = np.random.RandomState(1).permutation(ROWS)
    shuffled = {name: np.asarray(values)[order] for name, values in COLUMNS.items()}
    assert test_rows(COLUMNS, 0) == test_rows(COLUMNS, 0) == test_rows(shuffled, 0)
    assert test_rows(COLUMNS, 0) != test_rows(COLUMNS, 1)


def test_a_regression_splits_by_groups(write_table: Write, load: Load) -> None:
    columns = {**COLUMNS, "label": RANDOM.randn(ROWS)}
    dataset = load_plain(load, write_table(columns), group="customer", task="regression")
    groups = [set(CUSTOMERS[rows]) for rows in rows_of(dataset)]
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]


def test_a_class_of_one_group_is_trained_on(write_table: Write, load: Load) -> None:
    label = np.array(COLUMNS["label"])
    label[CUSTOMERS.argmax() :] = 3  # the last customer's rows
    for seed in range(8):
        dataset = load_plain(load, write_table({**COLUMNS, "label": label}), group="customer", split_seed=seed)
        assert 3 in dataset.train.y
        assert dataset.details["classes_in_training_only"] == ["3"]


def draw(groups: np.ndarray, y: np.ndarray, *fractions: float) -> list[set[int]]:
    """The groups that are drawn for each fraction."""
    names = [str(number) for number in range(groups.max() + 1)]
    key = SplitKey("group", "who", groups.astype(np.int64), pa.array(names))
    wanted = [(name, fraction) for name, fraction in zip(("test", "val"), fractions, strict=False)]
    return [set(groups[rows].tolist()) for rows in draw_groups(key, np.arange(len(y)), y, wanted, 0).values()]


def test_only_groups_are_drawn_that_are_not_the_only_one_of_a_class() -> None:
    # 6 of 80 groups have no class of their own: a draw of 2 among all would hardly ever do.
    groups = np.repeat(np.arange(80), 3)
    y = np.where(groups < 74, groups + 1, 0) * (np.arange(240) % 3 > 0)
    test, val = draw(groups, y, 0.025, 0.025)
    assert len(test) == len(val) == 2
    assert test | val <= {74, 75, 76, 77, 78, 79}


def test_no_draw_takes_every_group_of_a_class() -> None:
    # Groups 0 and 1 have all rows of class 1, and together just a third of the rows.
    sizes = [34, 34, 10, 10, 56, 56]
    groups = np.concatenate([np.repeat(np.arange(6), sizes), [0, 1]])
    y = np.concatenate([np.zeros(200, dtype=np.int64), [1, 1]])
    assert draw(groups, y, 0.34) != [{0, 1}]


def test_training_rows_come_before_validation_rows_and_those_before_test_rows(write_table: Write, load: Load) -> None:
    dataset = load_plain(load, write_table(COLUMNS), time="day", val_fraction=0.2)
    days = [COLUMNS["day"][rows] for rows in rows_of(dataset)]
    assert days[0].max() < days[1].min()
    assert days[1].max() < days[2].min()
    assert [len(part) for part in days] == [388, 120, 92]  # four rows a day: the cut is the nearest one
    assert dataset.input_dim == 1
    spans = {"train": ("0", "96"), "val": ("97", "126"), "test": ("127", "149")}
    assert dataset.split == SplitFacts("time", "day", times=spans)


DAYS = [datetime.date(2026, 1, 1) + datetime.timedelta(days=row // 3) for row in range(60)]
TIMES = {
    "dates": pa.array(DAYS),
    "text": [day.isoformat() for day in DAYS],
    "text with hours": [f"{day.isoformat()}T08:30:00" for day in DAYS],
    "text with an offset": [f"{day.isoformat()} 08:30:00+02:00" for day in DAYS],
    "nanoseconds": pa.array(pd.to_datetime(DAYS).to_numpy(), pa.timestamp("ns")),
    "a zone": pa.array([datetime.datetime(day.year, day.month, day.day) for day in DAYS], pa.timestamp("ms", "UTC")),
    "categories": pa.array([day.isoformat() for day in DAYS]).dictionary_encode(),
    "numbers": [day.toordinal() + 0.5 for day in DAYS],
    "numbers of two bytes": np.arange(60, dtype=np.float16) // 3,
}


@pytest.mark.parametrize("name", TIMES)
def test_times_are_numbers_dates_or_their_text(name: str, write_table: Write, load: Load) -> None:
    order = np.random.RandomState(0).permutation(60)
    table = pa.table({"row": np.arange(60.0), "at": TIMES[name], "label": [0, 1] * 30}).take(order)
    dataset = load(
        write_table({column: table[column] for column in table.column_names}), preprocessing="none", time="at"
    )
    assert [sorted(rows) for rows in rows_of(dataset)] == [list(range(42)), list(range(42, 51)), list(range(51, 60))]
    assert dataset.split is not None
    if "numbers" not in name:
        assert dataset.split.times["train"][0].startswith("2026-01-01")
        assert dataset.split.times["test"][1].startswith("2026-01-20")


def test_times_of_several_offsets_are_in_the_order_of_their_instants(write_csv: Write, load: Load) -> None:
    start = datetime.datetime(2026, 1, 1, 12)
    times = []
    for row in range(60):  # each a nanosecond after the one before it
        offset = row * 7 % 24 - 12
        local = start + datetime.timedelta(hours=offset)
        times.append(f"{local:%Y-%m-%dT%H:%M:%S}.{row:09}{'-' if offset < 0 else '+'}{abs(offset):02}:00")
    order = np.random.RandomState(0).permutation(60)
    path = write_csv("\n".join(["row,at,label", *(f"{row},{times[row]},{row % 2}" for row in order)]))
    dataset = load(path, preprocessing="none", time="at")
    assert [sorted(rows) for rows in rows_of(dataset)] == [list(range(42)), list(range(42, 51)), list(range(51, 60))]
    assert dataset.split.times["train"] == ("2026-01-01 12:00:00Z", "2026-01-01 12:00:00Z")


def test_a_csv_file_splits_by_dates_and_by_an_index(write_csv: Write, load: Load) -> None:
    lines = [f"{row},{row % 7},2026-01-{1 + row // 3:02},{row % 2}" for row in range(60)]
    path = write_csv("\n".join([",f,day,label", *lines]))
    dataset = load(path, time="day")
    assert dataset.split.words() == (
        "in the order of day: train 2026-01-01 to 2026-01-14, val 2026-01-15 to 2026-01-17, test 2026-01-18 to "
        "2026-01-20"
    )
    path = write_csv("\n".join(["Unnamed: 0,f,label", *(line.replace(line[-13:-2], "") for line in lines)]))
    assert load(path, time="Unnamed: 0").split == SplitFacts(
        "time", "Unnamed: 0", times={"train": ("0", "41"), "val": ("42", "50"), "test": ("51", "59")}
    )


def test_splits_that_the_source_brings_are_held_to_it(write_table: Write, load: Load, refusal: Refuse) -> None:
    half = {"f": np.arange(60.0), "who": np.arange(60) // 6, "label": [0, 1] * 30}
    train = write_table(half, "train.parquet")
    apart = write_table({**half, "who": np.arange(60) // 6 + 10}, "apart.parquet")
    assert load(train, test=str(apart), group="who").split.groups["test"] == 10  # type: ignore[union-attr]
    assert load(train, test=str(apart), time="who").split.times["test"] == ("10", "19")  # type: ignore[union-attr]
    mixed = write_table({**half, "who": np.arange(60) // 6 + 5}, "mixed.parquet")
    message = refusal(train, test=str(mixed), group="who")
    assert "rows of one group of 'who' must lie on one side of the split; found " in message
    assert "among the training and the test rows of the source" in message
    assert "must come before the test rows in the order of 'who'; found validation rows up to 9" in refusal(
        train, test=str(mixed), time="who"
    )


def test_rows_in_memory_split_by_a_column() -> None:
    spec = DatasetSpec("memory:", group="customer", drop=("day",), label="label")
    dataset = dataset_in_memory(pd.DataFrame(COLUMNS), spec=spec)
    assert dataset.split.groups


def test_a_dropped_column_may_say_the_groups(write_table: Write, load: Load) -> None:
    dataset = load(write_table(COLUMNS), group="customer", drop=("customer", "day"))
    assert [column.use for column in dataset.columns] == ["used", "group", "dropped", "label"]


@pytest.mark.parametrize(
    ("changes", "options", "says"),
    [
        ({}, {"group": "custmer"}, "option group must name a column of {}; found 'custmer', not in row, customer, day"),
        ({}, {"group": "custmer"}, "Did you mean 'customer'?"),
        ({}, {"time": "date"}, "option time must name a column of {}; found 'date'"),
        ({}, {"group": "label"}, "option group must name a column other than the label; found 'label'"),
        (
            {"customer": ["a"] * ROWS},
            {"group": "customer"},
            "column 'customer' of {} must hold at least two groups to split rows by; found a in every row. Name",
        ),
        (
            {"customer": [None, *COLUMNS["customer"][:-2], None]},
            {"group": "customer"},
            "column 'customer' of {} must give every row a group; found 2 rows without, first row 0 of {}. Fill",
        ),
        (
            {"day": [*COLUMNS["day"][1:].astype(float), np.nan]},
            {"time": "day"},
            "column 'day' of {} must give every row a time; found 1 row without, first row 599 of {}.",
        ),
        (
            {"customer": ["a", "b", "c"] * 200},
            {"group": "customer"},
            "column 'customer' must have enough groups for the fractions; found 3, of which test_fraction 0.15 is 0.45 "
            "and val_fraction 0.15 is 0.45, where each of the 3 splits needs a group. Give rows of more groups, or "
            "other fractions: one group is 0.33.",
        ),
        (
            {"day": [1, 2, 3] * 200},
            {"time": "day"},
            "column 'day' must have enough different times for the fractions, as rows of one time stay together; "
            "found 3 in 600 rows, which cannot be cut near to test_fraction 0.15 and val_fraction 0.15.",
        ),
        (
            {"day": ["31/01/2026", "01/02/2026"] * 300},
            {"time": "day"},
            "column 'day' of {} must hold times as numbers or dates; found text such as '31/01/2026'. Write dates as",
        ),
        (
            {"day": pa.array([datetime.timedelta(1)] * ROWS)},
            {"time": "day"},
            "must hold times as numbers or dates; found duration",
        ),
        ({"day": [True, False] * 300}, {"time": "day"}, "must hold times as numbers or dates; found true or false"),
        (
            {"day": [[1, 2]] * 600},
            {"group": "day"},
            "must name groups by numbers, text or dates; found list of numbers",
        ),
        (
            {"customer": np.repeat(["a", "b", "c", "d", "e", "f"], 100), "label": np.repeat([0, 1, 2, 3, 4, 5], 100)},
            {"group": "customer"},
            "every class must keep training rows in some group of 'customer'",
        ),
    ],
)
def test_what_cannot_be_split_by_is_refused(
    changes: dict[str, object], options: dict[str, str], says: str, write_table: Write, refusal: Refuse
) -> None:
    path = write_table({**COLUMNS, **changes})
    unused = [name for name in ("customer", "day") if name not in options.values()]
    assert says.replace("{}", str(path)) in refusal(path, drop=unused, **options)


def test_both_at_once_and_sources_without_columns_are_refused(tmp_path: Path, refusal: Refuse) -> None:
    assert "split by group or by time; found both, group 'a' and time 'b'. Leave one of them out" in refusal_of(
        "x.csv", group="a", time="b"
    )
    assert "dataset option group belongs to files and tables; digits has a layout" in refusal_of("digits", group="a")
    assert "dataset option time must be the name of a column; found 3" in refusal_of("x.csv", time=3)
    np.savez(tmp_path / "a.npz", X=np.zeros((9, 2)), y=np.arange(9) % 2)
    assert "option time belongs to tables; an NPZ file has no columns" in refusal(tmp_path / "a.npz", time="a")


def refusal_of(source: str, **options: object) -> str:
    """The message of a spec that must be refused."""
    with pytest.raises(Exception, match=r"\S") as caught:
        DatasetSpec.from_value({"source": source, **options})
    return str(caught.value)


def test_all_columns_that_cannot_be_used_are_named_at_once(write_table: Write, refusal: Refuse) -> None:
    columns = {**COLUMNS, "customer": [None] * ROWS, "row": [f"text {row}" for row in range(ROWS)]}
    message = refusal(write_table(columns), group="customer")
    assert message.startswith("2 columns of ")
    assert message.endswith("""drop: ["row"] in a space file, or --set 'dataset.drop=["row"]'""")
