"""Values that are not plain numbers: decimal commas, true and false; and columns that later files lack."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from fcsearch.data import Dataset, DatasetSpec
from fcsearch.data.others import read_other
from fcsearch.data.sources.in_memory import match_memory
from fcsearch.data.transform import FeatureTransform
from fcsearch.data.unlabelled import read_parts
from fcsearch.errors import DataError

Load = Callable[..., Dataset]
ROWS = [(number, number * 10 + 0.25, "yes" if number % 2 else "no") for number in range(60)]


def german(sep: str = ";", rows: int = 60) -> str:
    quote = '"' if sep == "," else ""
    lines = [f"{age}{sep}{quote}{str(income).replace('.', ',')}{quote}{sep}{label}" for age, income, label in ROWS]
    return "\n".join([f"age{sep}income{sep}label", *lines[:rows]]) + "\n"


def english(rows: int = 60) -> str:
    return "\n".join(["age,income,label", *(f"{a},{i},{label}" for a, i, label in ROWS[:rows])]) + "\n"


def predicted(path: Path, data: Dataset, keep: tuple[str, ...] = ()) -> np.ndarray:
    transform = FeatureTransform.from_json(data.transform.to_json(), where="here")
    return np.concatenate([part.X for part in read_parts(DatasetSpec(str(path)), transform, keep)])


def test_decimal_commas_are_found_and_said(write_csv, load: Load) -> None:
    data = load(write_csv(b"\xef\xbb\xbf" + german().encode(), "german.csv"))
    same = load(write_csv(english(), "english.csv"))
    assert data.fingerprint == same.fingerprint
    assert {column.name: column.kind for column in data.columns}["income"] == "number, decimal comma"
    assert {column.name: column.kind for column in data.columns}["age"] == "number"
    assert (data.transform.decimal, same.transform.decimal) == (",", ".")


def test_later_files_may_write_either_sign(write_csv, load: Load) -> None:
    data, points = load(write_csv(german(), "german.csv")), load(write_csv(english(), "english.csv"))
    wanted = predicted(write_csv(english(5), "new.csv"), points)
    for later in (german(rows=5), english(5), german(",", 5)):
        assert np.array_equal(predicted(write_csv(later, "new.csv"), data), wanted)
        assert np.array_equal(read_other(DatasetSpec(str(write_csv(later, "new.csv"))), data.transform).rows.X, wanted)
    assert np.array_equal(predicted(write_csv(german(rows=5), "new.csv"), data, ("income",)), wanted)
    assert np.array_equal(predicted(write_csv(german(rows=5), "new.csv"), points), wanted)


def test_commas_between_values_need_the_option(write_csv, load: Load, refusal) -> None:
    path = write_csv(german(","))
    found = refusal(path)
    assert "--set 'dataset.decimal=\",\"'" in found
    assert "dataset.drop" not in found
    assert load(path, decimal=",").fingerprint == load(write_csv(english(), "english.csv")).fingerprint


def test_commas_that_may_be_between_thousands_are_not_taken_for_decimals(write_csv, refusal) -> None:
    rows = [f"{age};1,{100 + age};{label}" for age, _, label in ROWS]
    assert "commas between thousands" in refusal(write_csv("\n".join(["age;income;label", *rows])))


def revenues(sales: Callable[[int], str], prices: Callable[[int], str], sep: str = ";") -> str:
    rows = [f"{sales(number)}{sep}{prices(number)}{sep}{'yes' if number % 2 else 'no'}" for number in range(60)]
    return "\n".join([f"sales{sep}price{sep}label", *rows]) + "\n"


def test_points_that_may_be_between_thousands_are_not_taken_for_decimals(write_csv, load: Load, refusal) -> None:
    path = write_csv(revenues(lambda n: f"{n + 1}.{n + 300}" if n % 10 else "950", lambda n: f"{n},50"))
    found = refusal(path)
    assert "'sales' of" in found
    assert "points between thousands, such as '2.301'. Write them without." in found
    assert load(path, drop="sales").transform.decimal == ","
    few = load(write_csv(revenues(lambda n: f"{n % 5 + 1}.500" if n % 3 else "950", lambda n: f"{n},50")))
    remarks = {column.name: column.why for column in few.columns}
    assert remarks["sales"].startswith("as categories. They look like numbers with points between thousands")


def test_three_places_are_a_point_where_nothing_says_otherwise(write_csv, load: Load) -> None:
    data = load(write_csv(revenues(lambda n: f"{n + 1}.{n + 300}", lambda n: f"{2 * n}")), preprocessing="none")
    assert data.transform.decimal == "."
    assert data.train.X[:, 0].max() < 100
    remarks = {column.name: column.why for column in data.columns}
    assert remarks["price"] == ""
    assert "may be between thousands" in remarks["sales"]
    assert "--set 'dataset.decimal=\".\"'" in remarks["sales"]


def test_points_with_a_sign_of_what_they_are_have_no_remark(write_csv, load: Load) -> None:
    path = write_csv(revenues(lambda n: f"{n + 1}.{n + 300}", lambda n: f"{n}"))
    assert not any("thousands" in column.why for column in load(path, decimal=".").columns)
    commas = write_csv(revenues(lambda n: f"{n + 1}.{n + 300}", lambda n: f"{n}", ","))
    small = write_csv(revenues(lambda n: f"{n}.{n + 300}", lambda n: f"{n}"), "small.csv")
    for other in (commas, small):
        assert not any("thousands" in column.why for column in load(other).columns)


def test_either_sign_in_one_file_is_refused_unless_the_option_says_which(write_csv, load: Load, refusal) -> None:
    path = write_csv(revenues(lambda n: f"{n}.5", lambda n: f"{n % 9},50"))
    found = refusal(path)
    assert f"found points in column 'sales' of {path}, and commas in column 'price' of {path}" in found
    assert found.endswith(". Write all numbers with one sign.")
    # With an option one of the columns would be text.
    assert "dataset.decimal" not in found
    data = load(path, decimal=".", preprocessing="none")
    later = write_csv("sales;price\n7,5;3,50\n", "new.csv")
    with pytest.raises(DataError, match=r"'sales' .* must hold numbers"):
        predicted(later, data)
    assert load(path, drop="price").transform.decimal == "."


@pytest.mark.parametrize(("sep", "quote"), [(";", ""), (",", '"')])
def test_columns_that_are_not_read_do_not_say_the_sign(write_csv, load: Load, sep: str, quote: str) -> None:
    data = load(write_csv(german() if quote else english()), preprocessing="none")
    lines = [f"age{sep}income{sep}note", f"1{sep}{quote}1,234{quote}{sep}{quote}0,5{quote}"]
    later = write_csv("\n".join(lines) + "\n", "new.csv")
    if quote:
        assert predicted(later, data)[:, 1].tolist() == [np.float32(1.234)]
    else:
        with pytest.raises(DataError, match=r"'income' .* must hold numbers"):
            predicted(later, data)


def test_the_sign_of_a_later_file_may_be_given(write_csv, load: Load) -> None:
    data = load(write_csv(english()), preprocessing="none")
    later = str(write_csv("age;income\n1;12,345\n", "new.csv"))
    with pytest.raises(DataError, match=r"'income' .* must hold numbers"):
        predicted(Path(later), data)
    assert [part.X.tolist() for part in read_parts(DatasetSpec(later, decimal=","), data.transform)] == [
        [[1, np.float32(12.345)]]
    ]


@pytest.fixture
def vip(write_table, load: Load) -> Dataset:
    """Rows whose column vip is true or false."""
    return load(
        write_table({"vip": [number % 3 == 0 for number in range(60)], "age": range(60), "label": ["a", "b"] * 30}),
        preprocessing="none",
    )


@pytest.mark.parametrize(
    "words", [("yes", "no"), ("TRUE", "false"), ("1", "0"), ("t", "F"), (" Y", "n "), ("1.0", "0.0"), ("1", "-0.0")]
)
def test_true_and_false_may_be_written_otherwise(write_csv, vip: Dataset, words: tuple[str, str]) -> None:
    path = write_csv(f"age,vip,label\n1,{words[0]},a\n2,{words[1]},b\n3,,a\n")
    wanted = [[1, 1], [0, 2], [0, 3]]
    assert predicted(path, vip).tolist() == wanted
    assert read_other(DatasetSpec(str(path)), vip.transform).rows.X.tolist() == wanted


def test_what_is_neither_true_nor_false_is_named(write_csv, write_table, vip: Dataset) -> None:
    for later in (write_csv("age,vip\n1,maybe\n"), write_table({"age": [1, 2], "vip": [1, 7]})):
        with pytest.raises(DataError, match=r"'vip' .* must hold true or false.*found ('maybe'|7)\."):
            predicted(later, vip)
    assert predicted(write_table({"age": [1, 2], "vip": [1, 0]}), vip).tolist() == [[1, 1], [0, 2]]


def test_numbers_for_true_and_false_may_have_gaps_and_signs(write_table, vip: Dataset) -> None:
    later = predicted(write_table({"age": [1, 2, 3], "vip": [float("nan"), -0.0, 1.0]}), vip)
    assert later.tolist() == [[0, 1], [0, 2], [1, 3]]
    assert not np.signbit(later).any()


def test_a_column_that_training_knew_is_not_suggested(write_table, write_csv, load: Load) -> None:
    columns = {"income": range(60), "age": range(60), "comment": ["x"] * 60, "label": ["a", "b"] * 30}
    data = load(write_table(columns), drop=("comment",))
    assert data.transform.unused == ("comment",)
    with pytest.raises(DataError, match=r"'income' is missing\. Add what is missing"):
        predicted(write_csv("age,comment\n1,2\n"), data)
    with pytest.raises(DataError, match="Is 'income' called 'incme' here"):
        predicted(write_csv("age,comment,incme\n1,2,3\n"), data)


def test_a_question_mark_is_a_missing_number_in_later_rows(write_table, write_csv, load: Load) -> None:
    columns = {"income": range(60), "age": range(60), "label": ["a", "b"] * 30}
    assert np.isfinite(predicted(write_csv("age,income\n1,?\n2,3\n"), load(write_table(columns)))).all()


@pytest.mark.parametrize("trained_on", ["csv", "parquet"])
def test_an_empty_text_is_the_same_in_every_kind_of_file(tmp_path: Path, load: Load, trained_on: str) -> None:
    notes = ["good", "", "bad", "good"] * 20
    rows = pa.table({"size": range(80), "note": notes, "label": ["no", "yes"] * 40})
    pq.write_table(rows, tmp_path / "rows.parquet")
    pa.csv.write_csv(rows, tmp_path / "rows.csv")
    data = load(tmp_path / f"rows.{trained_on}")
    (note,) = (item for item in data.transform.inputs if item.kind == "category")
    # A CSV file does not tell an empty text from a missing value.
    assert note.categories == (("bad", "good") if trained_on == "csv" else ("", "bad", "good"))
    wanted = predicted(tmp_path / f"rows.{trained_on}", data)
    for other in ("rows.csv", "rows.parquet"):
        assert np.array_equal(predicted(tmp_path / other, data), wanted)
        again = read_other(DatasetSpec(str(tmp_path / other)), data.transform)
        assert np.array_equal(again.rows.X, wanted)
        assert again.unseen == {}
    assert np.array_equal(match_memory(data.transform, rows).X, wanted)
