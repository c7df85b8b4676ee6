"""Columns of dates: their parts, their zones, and what the training rows alone decide."""

import datetime
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from fcsearch.data import Dataset, DatasetSpec
from fcsearch.data.transform import FeatureTransform
from fcsearch.data.unlabelled import read_parts
from fcsearch.errors import DataError

Load = Callable[..., Dataset]
DAYS = [datetime.datetime(2024, 1, 1) + datetime.timedelta(days=9 * number) for number in range(60)]


def predicted(path: Path, data: Dataset) -> np.ndarray:
    transform = FeatureTransform.from_json(data.transform.to_json(), where="here")
    return np.concatenate([part.X for part in read_parts(DatasetSpec(str(path)), transform)])


def test_dates_become_parts(write_table, write_csv, load: Load) -> None:
    columns = {"day": [day.date() for day in DAYS], "n": range(60), "label": ["a", "b"] * 30}
    data = load(write_table(columns), dates="parts", preprocessing="none")
    assert [item.title for item in data.transform.inputs] == [
        *(f"day.{part}" for part in ("year", "month", "day_of_week", "day_of_year")),
        "n",
    ]
    wanted = [[2025, 2, 0, 34, 1], [2026, 12, 3, 365, 2]]
    path = write_csv("n,day\n1,2025-02-03\n2,2026-12-31\n")
    assert predicted(path, data).tolist() == wanted
    later = {"day": [datetime.datetime(2025, 2, 3, 4), datetime.datetime(2026, 12, 31)], "n": [1, 2]}
    assert predicted(write_table(later, "later.parquet"), data).tolist() == wanted
    assert predicted(write_csv("n,day\n1,2025-02-03T23:00:00\n"), data).tolist() == wanted[:1]
    gaps = predicted(write_csv("n,day\n1,\n2,2026-12-31\n"), data)
    assert gaps[1].tolist() == wanted[1]
    assert np.isfinite(gaps).all()
    with pytest.raises(DataError, match=r"'day' .* must hold dates.*found text such as 'soon'"):
        predicted(write_csv("n,day\n1,soon\n"), data)


def test_times_of_day_are_hours_and_parts_count_in_the_fingerprint(write_table, load: Load) -> None:
    days = pa.array([day.replace(hour=6, minute=30) for day in DAYS], pa.timestamp("ms", "Europe/Berlin"))
    path = write_table({"day": days, "n": range(60), "label": ["a", "b"] * 30})
    data = load(path, dates="parts", preprocessing="none")
    assert [item.title for item in data.transform.inputs][4] == "day.hour"
    assert set(data.train.X[:, 4]) == {6.5}
    assert load(path, drop="day").fingerprint != data.fingerprint


def zoned(write_table, load: Load, zone: str | None) -> Dataset:
    days = pa.array([day.replace(hour=6, minute=30) for day in DAYS], pa.timestamp("ms", zone))
    path = write_table({"day": days, "n": range(60), "label": ["a", "b"] * 30}, "zoned.parquet")
    return load(path, dates="parts", preprocessing="none")


def test_times_of_any_offset_are_one_instant(write_table, write_csv, load: Load) -> None:
    data = zoned(write_table, load, "Europe/Berlin")
    texts = ["2025-02-04T01:30:00+02:00", "2025-02-03 18:30:00.123456789-05:00", "2025-02-03 23:30Z"]
    path = write_csv("\n".join(["n,day", *(f"1,{text}" for text in texts)]))
    assert predicted(path, data).tolist() == [[2025, 2, 0, 34, 23.5, 1]] * 3
    instants = pa.array([datetime.datetime(2025, 2, 3, 23, 30)] * 3, pa.timestamp("us", "+05:00"))
    assert predicted(write_table({"day": instants, "n": [1] * 3}), data).tolist() == predicted(path, data).tolist()
    assert predicted(write_csv("n,day\n1,9999-12-31T00:00Z\n"), data)[0, 0] == 9999


@pytest.mark.parametrize(
    ("zone", "text", "wanted"),
    [
        (
            "UTC",
            "2025-02-03 23:30",
            "times with a zone, as in the training rows; found text such as",
        ),
        (None, "2025-02-03 23:30Z", "dates or times without a zone, as in the training rows; found text such as"),
    ],
)
def test_a_zone_that_only_some_rows_have_is_refused(
    write_table, write_csv, load: Load, zone: str | None, text: str, wanted: str
) -> None:
    data = zoned(write_table, load, zone)
    with pytest.raises(DataError, match=wanted):
        predicted(write_csv(f"n,day\n1,{text}\n"), data)
    read = FeatureTransform.from_json(data.transform.to_json(), where="it")
    assert read == data.transform
    old = json.loads(data.transform.to_json())
    for item in old["inputs"]:
        del item["zoned"]
    older = FeatureTransform.from_json(json.dumps(old), where="it")
    parts = read_parts(DatasetSpec(str(write_csv(f"n,day\n1,{text}\n"))), older)
    assert next(parts).X.tolist() == [[2025, 2, 0, 34, 23.5, 1]]


def test_the_training_rows_alone_say_whether_the_hour_counts(write_table, write_csv, load: Load) -> None:
    days = [day.replace(hour=6 * (number > 55)) for number, day in enumerate(DAYS)]
    table = {"at": range(60), "day": days, "c": ["x", "y", "z"] * 20, "n": range(60), "label": ["a", "b"] * 30}
    path = write_table(table)
    late = load(path, dates="parts", preprocessing="none", time="at")
    assert [item.title for item in late.transform.inputs] == [
        *(f"day.{part}" for part in ("year", "month", "day_of_week", "day_of_year")),
        "c",
        "n",
    ]
    assert late.test.X[-1].tolist() == [2025, 6, 6, 166, 59, 0, 0, 1]
    assert predicted(write_csv("n,c,day\n1,y,2025-06-15 07:00\n"), late).tolist() == [[2025, 6, 6, 166, 1, 0, 1, 0]]
    early = load(write_table({**table, "at": range(60, 0, -1)}), dates="parts", preprocessing="none", time="at")
    assert "day.hour" in [item.title for item in early.transform.inputs]
    one = write_table({**table, "day": [day.replace(hour=6 * (day == DAYS[-1])) for day in DAYS]})
    folds = load(one, dates="parts", preprocessing="none", drop="at", folds=3, test_fraction=0)
    assert sorted(fold.input_dim for fold in folds.folds) == [8, 9, 9]


def test_dates_are_refused_with_the_ways_out(write_table, refusal) -> None:
    found = refusal(write_table({"my day": [day.date() for day in DAYS], "n": range(60), "label": ["a", "b"] * 30}))
    assert "dataset.dates=parts makes features" in found
    assert "'dataset.time=my day' tests" in found
    assert "dataset.drop" in found
