import json
import re

import numpy as np
import pyarrow as pa
import pytest

from fcsearch.data.labels import class_names_of, codes_of_labels, encode_labels, find_label
from fcsearch.errors import DataError

DAYS = pa.array([f"{1 + day}.02.2021" for day in range(28)])


def refusal(values: pa.Array, names: tuple[str, ...] | None = None) -> str:
    with pytest.raises(DataError) as caught:
        encode_labels(values, names, "column 'y' of f.csv")
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "classes", "names"),
    [
        (pa.array([3, 1, 2, 1]), [2, 0, 1, 0], ("1", "2", "3")),
        (pa.array([10, 9, -1], pa.int8()), [2, 1, 0], ("-1", "9", "10")),
        (pa.array([5, 2], pa.uint64()), [1, 0], ("2", "5")),
        (pa.array([1.0, 0.0, 1.0]), [1, 0, 1], ("0", "1")),
        (pa.array(["dog", "cat", "dog"]), [1, 0, 1], ("cat", "dog")),
        (pa.array(["b", "a"], pa.large_string()), [1, 0], ("a", "b")),
        (pa.array(["b", "a", "b"]).dictionary_encode(), [1, 0, 1], ("a", "b")),
        (pa.array([True, False]), [1, 0], ("false", "true")),
        (pa.chunked_array([[1], [0, 1]]), [1, 0, 1], ("0", "1")),
    ],
)
def test_classes_are_numbered_in_sorted_order(values: pa.Array, classes: list[int], names: tuple[str, ...]) -> None:
    y, found = encode_labels(values, None, "here")
    assert y.tolist() == classes
    assert y.dtype == np.int64
    assert found == names


@pytest.mark.parametrize(
    "names",
    [
        ("1.0.12", "1.2.10", "1.2.11"),
        ("01-02-03", "04-05-06"),
        ("10/20/30", "99.99.99"),
        ("10.1.12 LTS", "2020.1.1"),
        ("1/31/2021", "2021-02-28"),
    ],
)
def test_texts_of_few_values_are_classes_though_they_look_like_dates(names: tuple[str, ...]) -> None:
    values = pa.array([*names, *names])
    for labels in (values, values.dictionary_encode()):
        assert encode_labels(labels, None, "here")[1] == names


def test_given_names_keep_their_places() -> None:
    y, names = encode_labels(pa.array([2, 0, 2]), ("ape", "bee", "cat"), "here")
    assert (y.tolist(), names) == ([2, 0, 2], ("ape", "bee", "cat"))
    y, names = encode_labels(pa.array(["cat", "ape"]), ("cat", "bee", "ape"), "here")
    assert (y.tolist(), names) == ([0, 2], ("cat", "bee", "ape"))
    y, names = encode_labels(pa.array(["x", "ape"]), ("cat", "bee", "ape"), "here")
    assert (y.tolist(), names) == ([1, 0], ("ape", "x"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array([1, None, 2, None]), "found 2 missing or non-finite labels"),
        (pa.array([1.0, float("nan"), float("inf"), 2.0]), "found 2 missing or non-finite labels"),
        (pa.array(["a", None]), "found 1 missing"),
        (pa.array([1.5, 2.0]), r"found numbers such as 1.5, like a quantity to predict \(regression\)"),
        (pa.array([7, 7, 7]), "at least 2 classes to tell apart; found only 7"),
        (pa.array(["a", "a"]), "found only 'a'"),
        (pa.array(range(100)), "found 100 distinct values in 100 rows"),
        (pa.array([[1], [2]]), "must hold integers, text or booleans; found list"),
        (pa.array([1, 2], pa.date32()), "found date32.*, which are dates. To predict them"),
        (pa.array([1, 2], pa.date32()).dictionary_encode(), "found date32.*, which are dates. To predict them"),
        (
            DAYS,
            "found 28 distinct .* They look like dates, such as '1.02.2021': to predict them, write them as numbers",
        ),
        (DAYS.dictionary_encode(), "found 28 distinct .* They look like dates, such as '1.02.2021'"),
        (pa.array([2**64 - 1, 0], pa.uint64()), "found numbers such as 18446744073709551615"),
    ],
)
def test_labels_that_are_no_classes_are_refused(values: pa.Array, message: str) -> None:
    assert re.search(message, refusal(values))
    assert "column 'y' of f.csv" in refusal(values)


def test_a_label_outside_the_names_is_refused() -> None:
    assert "0 to 1, the indices of the file's 2 class names; found 5" in refusal(pa.array([0, 5]), ("a", "b"))
    assert "found -1 (the hub's mark of rows without a label)" in refusal(pa.array([0, -1]), ("a", "b"))


@pytest.mark.parametrize(
    ("known", "values"),
    [
        (("false", "true"), pa.array([True, False])),
        (("false", "true"), pa.array([1, 0])),
        (("false", "true"), pa.array([1.0, 0.0])),
        (("false", "true"), pa.array(["Yes", "no "])),
        (("true", "false"), pa.array(["False", "True"])),
        (("0", "1"), pa.array([1.0, 0.0])),
        (("0", "1"), pa.array([True, False])),
        (("0", "1"), pa.array(["True", "False"])),
        (("1", "0"), pa.array([False, True])),
    ],
)
def test_true_and_false_are_classes_in_any_writing(known: tuple[str, ...], values: pa.Array) -> None:
    assert codes_of_labels(values, None, known, by_place=False, where="here").tolist() == [1, 0]


@pytest.mark.parametrize(
    ("known", "values", "says"),
    [
        (("0", "1"), ["yes", "no"], "Write them as in the training rows, or name another column with --label."),
        (("no", "yes"), ["1", "0"], "Write them as in the training rows, or name another column with --label."),
        (("no", "yes"), ["yes", "perhaps"], "found 1 row of another class: 'perhaps' (1 row). Leave these rows out."),
        (("0", "1", "2"), ["true", "1"], "Leave these rows out."),
    ],
)
def test_other_classes_are_refused(known: tuple[str, ...], values: list[str], says: str) -> None:
    with pytest.raises(DataError, match=re.escape(says)):
        codes_of_labels(pa.array(values), None, known, by_place=False, where="here")


def schema(*names: str, metadata: dict[str, str] | None = None) -> pa.Schema:
    return pa.schema([(name, pa.int64()) for name in names], metadata=metadata)


@pytest.mark.parametrize("name", ["label", "Target", "class", "y", "LABELS"])
def test_the_label_column_is_found_by_its_name(name: str) -> None:
    assert find_label(schema("a", name), None, "f") == name


def test_a_named_label_column_must_be_there() -> None:
    assert find_label(schema("a", "label", "kind"), "kind", "f") == "kind"
    with pytest.raises(
        DataError, match=r"f must have the label column 'knd'; found the columns a, kind. Did you mean 'kind'"
    ):
        find_label(schema("a", "kind"), "knd", "f")


def test_an_open_label_column_is_refused_with_the_columns() -> None:
    with pytest.raises(DataError, match=r"found the columns length, width. Say which column it is with --label"):
        find_label(schema("length", "width"), None, "f")
    with pytest.raises(DataError, match="both label and y are possible"):
        find_label(schema("label", "y"), None, "f")


def hub(**features: object) -> dict[str, str]:
    return {"huggingface": json.dumps({"info": {"features": features}})}


def test_the_hubs_metadata_names_label_and_classes() -> None:
    declared = hub(kind={"names": ["x", "y"], "_type": "ClassLabel"}, img={"_type": "Image"})
    assert find_label(schema("img", "kind", metadata=declared), None, "f") == "kind"
    assert class_names_of(schema("img", "kind", metadata=declared), "kind") == ("x", "y")
    assert class_names_of(schema("img", "kind", metadata=declared), "img") is None


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"info": 3}', '{"info": {"features": {"a": 1}}}', '{"info": {"features": []}}']
)
def test_metadata_that_makes_no_sense_is_passed_over(text: str) -> None:
    table = schema("a", "label", metadata={"huggingface": text})
    assert find_label(table, None, "f") == "label"
    assert class_names_of(table, "label") is None


@pytest.mark.parametrize(
    ("text", "names"), [("cat,dog", ("cat", "dog")), ('["a, b", "c"]', ("a, b", "c")), ("one", None), ("", None)]
)
def test_class_names_in_the_metadata(text: str, names: tuple[str, ...] | None) -> None:
    assert class_names_of(schema("label", metadata={"class_names": text}), "label") == names
