"""Files whose numbers have either decimal sign: what is to be written otherwise, and what cannot be left out."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fcsearch.data import Dataset
from fcsearch.data.told import told


def text_of(header: str, row: str) -> str:
    """A file of 90 rows: `row` with their numbers in place of N, and a word in that of W."""
    rows = [row.replace("N", str(number)).replace("W", "no" if number % 2 else "yes") for number in range(90)]
    return "\n".join([header, *rows]) + "\n"


@pytest.mark.parametrize(
    ("header", "row", "options", "advice"),
    [
        ("a;b;y", "N.5;N.25;N,5", {"label": "y"}, "Write the numbers of 'y' with points, as the others."),
        ("a;b;target", "N.5;N.25;N,5", {}, "Write the numbers of 'target' with points, as the others."),
        ("a;b;w;y", "N.5;N.25;N,5;W", {"label": "y", "weights": "w"}, "Write the numbers of 'w' with points, as the"),
        ("a;b;w;y", "N.5;N.25;N,5;W", {"label": "y", "group": "w"}, "Write the numbers of 'w' with points, as the"),
        ("a;b;w;y", "N,5;N,25;N.5;W", {"label": "y", "time": "w"}, "Write the numbers of 'w' with commas, as the"),
        # What is left would be no feature.
        (
            "a;w;y",
            "N.5;N,25;N,5",
            {"label": "y", "weights": "w"},
            "Write the numbers of 'a' with commas, as the others.",
        ),
        ("x;y", "N.5;N,5", {"label": "y"}, "Write all numbers with one sign."),
        ("a;b;y", "N.5;N,5;W", {"label": "y"}, "Write all numbers with one sign."),
    ],
)
def test_what_cannot_be_left_out_is_to_be_written_otherwise(
    write_csv: Callable[..., Path],
    refusal: Callable[..., str],
    header: str,
    row: str,
    options: dict[str, str],
    advice: str,
) -> None:
    found = refusal(write_csv(text_of(header, row)), **options)
    assert advice in found
    assert "leave" not in found
    assert "drop" not in found


@pytest.mark.parametrize(
    ("rows", "columns", "advice"),
    [
        (("N.5;W", "N,5;W"), "x;label", "Write both files with one sign."),
        # Though more have points, the same column has either.
        (("N.5;0.5;W", "N,5;1;W"), "x;z;label", "Write both files with one sign."),
        (("N.5;1;W", "1;N,5;W"), "x;z;label", "Write both files with one sign."),
        (("N.5;W", "N,5;W", "N.5;W"), "x;label", "Write all files with one sign."),
    ],
)
def test_files_of_which_each_has_its_own_sign_are_named(
    write_csv: Callable[..., Path], refusal: Callable[..., str], rows: Sequence[str], columns: str, advice: str
) -> None:
    names = ("train.csv", "test.csv", "val.csv")
    paths = [write_csv(text_of(columns, row), f"files/{name}") for row, name in zip(rows, names, strict=False)]
    found = refusal(paths[0].parent)
    assert all(str(path) in found for path in paths[:2])
    assert found.endswith(advice)
    assert "others" not in found


def test_the_option_makes_categories_of_numbers_with_the_other_sign(
    write_csv: Callable[..., Path], load: Callable[..., Dataset]
) -> None:
    rows = "\n".join(["a;b;label", *(f"{row % 9}.5;{row},5;{'no' if row % 2 else 'yes'}" for row in range(90))])
    data = load(write_csv(rows), decimal=",")
    assert [column.kind for column in data.columns][:2] == ["category", "number, decimal comma"]
    assert "Write them with commas" in told(data)["categories"]
