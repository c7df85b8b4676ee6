"""CSV files as people have them: what is wrong with one is named, with what to do."""

from pathlib import Path

import pyarrow as pa
import pytest

from fcsearch.data import DatasetSpec, dataset_in_memory, load_dataset
from fcsearch.data.number_texts import number_hint
from fcsearch.data.others import read_other
from fcsearch.data.sources.checking import check_source
from fcsearch.data.sources.streams import file_schema, stream_file
from fcsearch.data.told import told
from fcsearch.data.unlabelled import read_parts
from fcsearch.errors import DataError
from fcsearch.wording import Arguments, worded

ROWS = [f"{number},{number % 7},{'yes' if number % 2 else 'no'}" for number in range(40)]


def refusal(path: Path, text: str | bytes, *, label: str = "label", **options: str) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as caught:
        load_dataset(DatasetSpec(str(path), label=label, **options))
    return str(caught.value)


@pytest.mark.parametrize("rows", [0, 12, 40])
def test_a_second_header_is_named(tmp_path: Path, rows: int) -> None:
    lines = ["a,b,label", *ROWS[:rows], "a,b,label", *ROWS[rows:]]
    found = refusal(tmp_path / "joined.csv", "\n".join(lines) + "\n")
    assert f"found these names again in row {rows + 1} below it" in found
    assert "Remove that line" in found


def test_a_table_of_texts_may_have_a_value_like_a_name(tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    lines = ["a,label", *(f"{'a' if number % 3 else 'b'},{'yes' if number % 2 else 'no'}" for number in range(60))]
    path.write_text("\n".join(lines) + "\n")
    assert load_dataset(DatasetSpec(str(path))).num_classes == 2


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        (
            [f"{number}.5" for number in range(39)] + ["unknown"],
            "1 of 40 values is not a number ('unknown'); empty it.",
        ),
        (
            [f"1{number:02},000" for number in range(40)],
            "commas between thousands, such as '100,000'. Write them without.",
        ),
        (
            [f"{number},5" for number in range(40)],
            "decimal commas, such as '0,5'. Read them with --set 'dataset.decimal=\",\"'.",
        ),
        (
            [f"0,1{number:02}" for number in range(40)],
            "decimal commas, such as '0,100'. Read them with --set 'dataset.decimal=\",\"'.",
        ),
        (
            [f"{1 + number}.{100 + number}" for number in range(40)] + ["950"],
            "points between thousands, such as '1.100'. Write them without.",
        ),
        ([f"${number}.50" for number in range(40)], "signs beside them, such as '$0.50'. Write the number alone."),
        ([f"{number} %" for number in range(40)], "signs beside them, such as '0 %'. Write the number alone."),
        (
            [f"{1 + number} {100 + number}" for number in range(40)],
            "signs between thousands, such as '1 100'. Write them without.",
        ),
        (
            [f"{1 + number % 28}/12/2025" for number in range(40)],
            "dates, such as '1/12/2025'. Write them as 2026-01-31",
        ),
        (["2025-01-31 12:00", "2025-01-31 12:00Z"] * 20, "dates, such as '2025-01-31 12:00'. Write them as"),
        ([*map(str, range(38)), "n/a?", "-", "-"], "3 of 41 values are not a number ('n/a?', '-'); empty them."),
        ([*map(str, range(5000)), *["5,5"] * 50], "decimal commas, such as '5,5'. Read them with --set"),
        ([*map(str, range(5000)), "5,500", "0,250", "n/a?"], "decimal commas, such as '5,500'. Read them with --set"),
        ([*map(str, range(5000)), "5,500"], "commas between thousands, such as '5,500'. Write them without."),
        ([f"{n}.5" for n in range(50)] + ["5,5"], "commas beside decimal points, such as '5,5'. Write all with one"),
        (["1/2/3/4", "10.0.0.1"] * 20, ""),
        ([f"word {number} of a text" for number in range(40)], ""),
        ([f"{number}A" for number in range(40)], ""),
        ([], ""),
    ],
)
def test_numbers_that_are_written_as_text_are_known(values: list[str], hint: str) -> None:
    found = number_hint(pa.chunked_array([pa.array([*values, None], pa.string())]), ".").words
    assert hint in found
    assert bool(found) == bool(hint)


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        (["n/a?", *(f"{number},5" for number in range(40))], "1 of 41 values is not a number ('n/a?'); empty it."),
        ([f"{number},5" for number in range(40)] + ["5.5"], "decimal points, such as '5.5'. Write them with commas."),
        ([f"{number},5" for number in range(40)] + ["5.500"], "points between thousands, such as '5.500'."),
    ],
)
def test_decimal_commas_are_numbers_where_they_are_read_as_such(values: list[str], hint: str) -> None:
    assert hint in number_hint(pa.array(values), ",").words


def test_one_value_among_decimal_commas_is_named_once_these_are_read(tmp_path: Path) -> None:
    rows = [f"{number},5;0,{number};{'yes' if number % 2 else 'no'}" for number in range(90)]
    text = "\n".join(["price;tax;label", *rows, "n/a?;0,5;yes"]) + "\n"
    for given in ({}, {"decimal": ","}):
        found = refusal(tmp_path / "prices.csv", text, **given)
        assert "1 of 91 values is not a number ('n/a?'); empty it." in found


def test_python_and_rows_in_memory_are_told_what_they_can_do(tmp_path: Path) -> None:
    values = [f"{number},5" for number in range(90)]
    rows = [f'"{value}",{"yes" if place % 2 else "no"}' for place, value in enumerate(values)]
    with worded(Arguments()):
        found = refusal(tmp_path / "prices.csv", "\n".join(["price,label", *rows]) + "\n")
        assert """Read them with `dataset={"decimal": ","}`.""" in found
        mixed = [f"{number}.5;{number},5;0.5;{'yes' if number % 2 else 'no'}" for number in range(90)]
        found = refusal(tmp_path / "mixed.csv", "\n".join(["a;b;c;label", *mixed]) + "\n")
        assert (
            """Write the numbers of 'b' with points, as the others, or leave it out: `dataset={"drop": ["b"]}`"""
            in found
        )
    with pytest.raises(DataError, match=r"decimal commas, such as '0,5'\. Convert the column to numbers\."):
        dataset_in_memory(pa.table({"price": values}), ["yes", "no"] * 45)


def test_a_column_with_commas_beside_others_with_points_is_to_be_written_with_points(tmp_path: Path) -> None:
    rows = [f'{number}.5,"{number},25",{"yes" if number % 2 else "no"}' for number in range(90)]
    text = "\n".join(["a,b,label", *rows]) + "\n"
    found = refusal(tmp_path / "mixed.csv", text)
    assert (
        "decimal commas, such as '0,25'. Write them with points, as the other columns have. Or leave it out." in found
    )
    assert """To leave it out: drop: ["b"] in a space file""" in found
    assert "dataset.decimal" not in found
    # As a label, and where the only column with points is left out.
    assert "Write them with points" in refusal(tmp_path / "mixed.csv", text, label="b")
    assert "dataset.decimal" in refusal(tmp_path / "mixed.csv", text, drop="a")


def test_of_few_columns_with_points_among_many_with_commas_these_are_to_be_changed(tmp_path: Path) -> None:
    rows = [f"{number}.5;{number},5;{number},25;{'yes' if number % 2 else 'no'}" for number in range(90)]
    found = refusal(tmp_path / "mixed.csv", "\n".join(["a;b;c;label", *rows]) + "\n")
    assert "Write the numbers of 'a' with commas, as the others, or leave it out: drop: [\"a\"]" in found
    assert "dataset.decimal" not in found


def test_what_keeps_a_column_from_being_numbers_is_said(tmp_path: Path) -> None:
    prices = [f'{number},"{200 + number},{number:03}"' for number in range(40)]
    text = "\n".join(["a,price", *prices]) + "\n"
    advice = "commas between thousands, such as '200,000'. Write them without."
    assert advice in refusal(tmp_path / "prices.csv", text, label="price")
    assert advice in refusal(tmp_path / "prices.csv", text, label="price", task="regression")
    lines = ["price,label", *(f'"{200 + number},{number:03}",{"yes" if number % 2 else "no"}' for number in range(90))]
    assert advice in refusal(tmp_path / "feature.csv", "\n".join(lines) + "\n")


def test_the_way_out_can_be_typed(tmp_path: Path) -> None:
    lines = ["when,empty,a,label", *(f"2026-01-{1 + n % 28:02},,{row}" for n, row in enumerate(ROWS))]
    text = "\n".join(line.rsplit(",", 2)[0] + "," + line.rsplit(",", 1)[1] for line in lines[1:])
    found = refusal(tmp_path / "two.csv", lines[0] + "\n" + text + "\n")
    assert """or --set 'dataset.drop=["when", "empty"]'""" in found


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_file_in_another_encoding_is_told_to_be_saved_as_utf_8(tmp_path: Path, encoding: str) -> None:
    text = "\ufeff" + "\n".join(["a,b,label", *ROWS])
    assert "found UTF-16. Save the file as UTF-8." in refusal(tmp_path / "wide.csv", text.encode(encoding))
    narrow = "\n".join(["größe,b,label", *ROWS]).encode("latin-1")
    assert "Save the file as UTF-8." in refusal(tmp_path / "narrow.csv", narrow)


def test_a_line_of_another_length_is_to_be_mended(tmp_path: Path) -> None:
    found = refusal(tmp_path / "ragged.csv", "\n".join(["a,b,label", *ROWS, "1,2", *ROWS]))
    assert "Give that line as many values as there are columns" in found


def test_one_class_says_what_to_do(tmp_path: Path) -> None:
    found = refusal(tmp_path / "one.csv", "\n".join(["a,label", *(f"{n},x" for n in range(30))]))
    assert "Name another column with --label" in found


@pytest.mark.parametrize("keep", [[], ["income"]])
def test_a_point_in_a_late_row_is_refused_whether_or_not_its_column_is_kept(tmp_path: Path, keep: list[str]) -> None:
    path = tmp_path / "late.csv"
    path.write_text("income;note\n" + "0,25;a\n" * 300 + "1.234;a\n")
    schema = file_schema(path, decimal=",", block=1000)
    options = {"texts": (), "rows": 100, "decimal": ",", "block": 1000}
    with pytest.raises(DataError, match=r"'income' of .* must hold numbers.* found '1\.234'"):
        list(stream_file(path, schema, read={"income"}, keep=keep, **options))


def test_what_is_carried_along_stays_as_it_is_where_it_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "ids.csv"
    path.write_text("number,flag\n9007199254740993,True\n,False\n 7,\n1e3,True\n")
    schema = file_schema(path)
    [part] = stream_file(path, schema, read={"number", "flag"}, texts=(), keep=["number", "flag"], rows=10)
    assert part.kept["number"].to_pylist() == ["9007199254740993", "", " 7", "1e3"]
    assert part.kept["flag"].to_pylist() == ["True", "False", "", "True"]
    assert part.table["number"].to_pylist() == [9007199254740992.0, None, 7.0, 1000.0]
    assert part.table["flag"].to_pylist() == [True, False, None, True]


def test_a_kept_column_that_holds_no_number_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ids.csv"
    path.write_text("number\n1\n" + "2\n" * 50 + "many\n")
    schema = pa.schema([("number", pa.int64())])
    with pytest.raises(DataError, match=r"column 'number' .* must hold numbers, .* found 'many'"):
        list(stream_file(path, schema, read={"number"}, texts=(), keep=["number"], rows=10))


def test_the_line_that_has_another_length_is_numbered(tmp_path: Path) -> None:
    rows = [*ROWS[:20], '5,"two\nlines"', *ROWS[20:]]
    assert "in line 23: " in refusal(tmp_path / "ragged.csv", "\n".join(["a,b,label", *rows]) + "\n")


def test_a_first_line_for_spreadsheets_is_named(write_csv, refusal) -> None:
    rows = "\n".join(f"{number};{number % 2}" for number in range(60))
    assert "found 'sep=;'. Remove that line." in refusal(write_csv(f"\ufeffsep=;\na;label\n{rows}\n"))


def test_delimiters_at_the_ends_of_lines_make_no_columns(write_csv, load) -> None:
    rows = "\n".join(f"{number},{number % 2},," for number in range(60))
    path = write_csv(f"a,label,,\n{rows}\n")
    data = load(path, preprocessing="none")
    assert [column.name for column in data.columns] == ["a", "label"]
    check_source(DatasetSpec(str(path)))
    later = write_csv("a,label,,\n7,0,,\n8,1,,\n", "later.csv")
    parts = read_parts(DatasetSpec(str(later)), data.transform, ["label"])
    assert [(part.X.tolist(), part.kept["label"].to_pylist()) for part in parts] == [([[7], [8]], ["0", "1"])]
    assert read_other(DatasetSpec(str(later)), data.transform).rows.X.tolist() == [[7], [8]]


def test_spaces_do_not_make_classes(write_csv, load, refusal) -> None:
    rows = [f"{number},{'x ' if number % 3 else 'x'},{number % 2}" for number in range(60)]
    data = load(write_csv("\n".join(["a,c,label", *rows])))
    assert {column.name: column.why for column in data.columns}["c"].endswith(
        "of which 'x' and 'x ' differ only in spaces"
    )
    path = write_csv("\n".join(["a,b,label", *(f"{number},1,{'no' if number % 2 else 'no '}" for number in range(60))]))
    assert "must write each class in one way; found 'no' and 'no '. Remove the spaces." in refusal(path)


def test_names_in_other_bytes_are_refused_without_reading_rows_too(write_csv, refusal) -> None:
    path = write_csv("größe,label\n1,0\n".encode("latin-1"))
    assert "Save the file as UTF-8." in refusal(path)
    with pytest.raises(DataError, match="Save the file as UTF-8"):
        check_source(DatasetSpec(str(path)))


def test_a_bad_cell_is_to_be_emptied_and_its_column_kept(write_csv, refusal) -> None:
    rows = [f"{number + 0.5},{number % 2}" for number in range(569)]
    path = write_csv("\n".join(["size,label", "n/a?,1", *rows[1:]]))
    what = f"column 'size' of {path} must hold numbers"
    assert refusal(path) == f"{what}: 1 of 569 values is not a number ('n/a?'); empty it."


def test_a_bad_cell_of_a_label_or_of_few_numbers_is_named(write_csv, refusal, load) -> None:
    label = "\n".join(["a,y", *(f"{number % 5},{number}" for number in range(3000)), "3,n/a?"])
    found = refusal(write_csv(label, "label.csv"), label="y")
    assert "1 of 3,001 values is not a number ('n/a?'): leave out such rows, and it is a number to predict." in found
    few = [f"{number % 70},{number % 2}" for number in range(3000)]
    data = load(write_csv("\n".join(["age,label", "?!,1", *few])))
    assert data.columns[0].why == "as categories. 1 of 3,001 values is not a number ('?!'); empty it."
    assert told(data)["categories"] == "age: 1 of 3,001 values is not a number ('?!'); empty it"
    codes = [f"{1 + number % 9},{number % 2}" for number in range(300)]
    found = told(load(write_csv("\n".join(["visits,label", *["n/a?,1"] * 8, *codes]))))["categories"]
    assert found == "visits: 8 of 308 values are not a number ('n/a?'); empty them, if the others are quantities"
    assert "categories" not in told(load(write_csv("\n".join(["visits,label", *codes]))))


def test_texts_with_days_first_are_dates_and_others_are_told_how_to_be(write_csv, load, refusal) -> None:
    days = [f"{1 + number % 28}.{1 + number % 12:02}.{2020 + number % 5} 18:30" for number in range(60)]
    rows = [f"{day},{number % 2}" for number, day in enumerate(days)]
    path = write_csv("\n".join(["day,label", *rows]))
    data = load(path, dates="parts", preprocessing="none")
    assert data.columns[0].kind == "date or time"
    assert [item.title for item in data.transform.inputs] == [
        f"day.{part}" for part in ("year", "month", "day_of_week", "day_of_year", "hour")
    ]
    later = write_csv("day\n05.02.2026\n2026-02-05\n", "later.csv")
    [part] = read_parts(DatasetSpec(str(later)), data.transform)
    assert part.X.tolist() == [[2026, 2, 3, 36, 0]] * 2
    assert "found dates or times. Say what they mean" in refusal(path)
    slashes = "\n".join(["day,label", *(row.replace(".", "/") for row in rows)])
    found = refusal(write_csv(slashes, "slashes.csv"))
    assert "They look like dates, such as '1/01/2020 18:30'. Write them as 2026-01-31, " in found
    assert "identifier" not in found


def test_texts_in_memory_are_the_dates_that_they_are_in_a_file() -> None:
    days = pa.array([f"2026-01-{1 + number % 28:02}" for number in range(60)])
    table = pa.table({"day": days, "n": range(60), "label": ["a", "b"] * 30})
    with pytest.raises(DataError, match=r"column 'day' .* found dates or times"):
        dataset_in_memory(table)
    data = dataset_in_memory(table, spec=DatasetSpec("memory:", dates="parts"))
    assert [item.title for item in data.transform.inputs][:2] == ["day.year", "day.month"]
