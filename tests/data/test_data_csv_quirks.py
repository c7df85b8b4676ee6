"""CSV files as people have them: what is wrong with one is named, with what to do."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.data.number_texts import number_hint
from fcsearch.data.sources.streams import file_schema, stream_file
from fcsearch.errors import DataError

ROWS = [f"{number},{number % 7},{'yes' if number % 2 else 'no'}" for number in range(40)]


def refusal(path: Path, text: str | bytes, *, label: str = "label", task: str | None = None) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as caught:
        load_dataset(DatasetSpec(str(path), label=label, task=task))
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
        ([f"{number}.5" for number in range(39)] + ["unknown"], "They are numbers but 'unknown'"),
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
        ([f"word {number} of a text" for number in range(40)], ""),
        ([f"{number}A" for number in range(40)], ""),
        ([], ""),
    ],
)
def test_numbers_that_are_written_as_text_are_known(values: list[str], hint: str) -> None:
    found = number_hint(pa.chunked_array([pa.array([*values, None], pa.string())])).words
    assert hint in found
    assert bool(found) == bool(hint)


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
