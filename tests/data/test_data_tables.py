import datetime
import decimal

import numpy as np
import pyarrow as pa
import pytest

from fcsearch.data import DatasetSpec
from fcsearch.data.columns import features_of
from fcsearch.data.facts import Use
from fcsearch.data.others import read_other
from fcsearch.data.rows import Column
from fcsearch.data.unlabelled import read_parts

Y = [0, 1] * 30
RANDOM = np.random.RandomState(0)
NUMBERS = RANDOM.randn(60) * 7 + 3


def test_numbers_with_a_named_label(write_table, load) -> None:
    path = write_table({"a": NUMBERS, "kind": ["x", "z"] * 30, "b": np.arange(60) % 7, "c": [True, False, True] * 20})
    data = load(path, label="kind")
    assert data.input_dim == 3
    assert data.class_names == ("x", "z")
    assert data.image_shape is None
    assert data.describe()["label"] == "kind"
    np.testing.assert_allclose(data.train.X.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(data.train.X.std(0), 1, atol=1e-5)


def test_none_leaves_the_numbers(write_table, load) -> None:
    data = load(write_table({"a": NUMBERS, "label": Y}), preprocessing="none", test_fraction=0)
    assert set(np.concatenate([data.train.X, data.val.X])[:, 0]) == set(NUMBERS.astype(np.float32))


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, 2, 3] * 20, pa.int8()),
        pa.array([1, 2, 3] * 20, pa.uint64()),
        pa.array([1, 2, 3] * 20, pa.float16()),
        pa.array([decimal.Decimal("1.5"), decimal.Decimal("2.5"), None] * 20),
    ],
)
def test_every_kind_of_number(write_table, load, values: pa.Array) -> None:
    assert load(write_table({"a": values, "label": Y})).train.X.dtype == np.float32


def test_large_numbers_keep_their_differences(write_table, load) -> None:
    stamps = 1_700_000_000 + np.arange(60) % 5
    data = load(write_table({"second": stamps, "label": Y}))
    assert len(np.unique(data.train.X)) == 5


CSV = "age,job,label\n" + "".join(
    f"{age},{job},{label}\n"
    for age, job, label in zip(
        [20, "", 40, 60] * 15, ["cook", "smith", "", "cook", "cook"] * 12, ["no", "yes"] * 30, strict=True
    )
)


def test_categories_become_columns_and_missing_values_are_imputed(write_csv, load) -> None:
    data = load(write_csv(CSV), preprocessing="none", test_fraction=0)
    assert data.class_names == ("no", "yes")
    assert data.input_dim == 3
    X = np.concatenate([data.train.X, data.val.X])
    ages, counts = np.unique(X[:, 0], return_counts=True)
    assert dict(zip(ages.tolist(), counts.tolist(), strict=True)) == {20.0: 15, 40.0: 30, 60.0: 15}  # the median for ""
    assert X[:, 1:].sum(0).tolist() == [48, 12]  # cook, the most frequent, for ""
    assert set(X[:, 1:].sum(1)) == {1}


def test_only_numbers_are_scaled(write_csv, load) -> None:
    data = load(write_csv(CSV))
    assert set(np.unique(data.train.X[:, 1:])) == {0, 1}
    np.testing.assert_allclose(data.train.X[:, 0].mean(), 0, atol=1e-6)
    centred = load(write_csv(CSV), preprocessing="mean").train.X[:, 0]
    np.testing.assert_allclose(centred.mean(), 0, atol=1e-4)
    assert centred.std() > 5


def test_imputation_and_scaling_are_fitted_on_the_training_rows_only(write_csv, load) -> None:
    train = write_csv("a,b,label\n" + "1,x,0\n3,x,1\n5,,0\n,y,1\n" * 10, "train.csv")
    test = write_csv("a,b,label\n" + "1000,z,0\n,x,1\n" * 10, "test.csv")
    data = load(train, test=str(test), preprocessing="none")
    assert data.input_dim == 3  # x and y, not z
    assert data.test.X.tolist() == [[1000, 0, 0], [3, 1, 0]] * 10
    scaled = load(train, test=str(test))
    np.testing.assert_allclose(scaled.train.X[:, 0].std(), 1, atol=1e-5)
    assert scaled.test.X[0, 0] > 100


def test_a_category_column_of_a_parquet_file(write_table, load) -> None:
    data = load(write_table({"word": pa.array(["a", "b", None] * 20).dictionary_encode(), "a": NUMBERS, "label": Y}))
    assert data.input_dim == 3


def test_numbered_categories_are_categories() -> None:
    table = pa.table({"level": pa.array([3, 7, None] * 20).dictionary_encode(), "label": Y})
    apart: dict[str, tuple[Use, str]] = {"label": ("label", "")}
    features = features_of(table, "label", DatasetSpec(), str, "here", apart=apart, left_out=(), problems={})
    assert features.columns == (Column("level", "category", ("3", "7")),)
    np.testing.assert_array_equal(features.X[:, 0], [0, 1, np.nan] * 20)


@pytest.mark.parametrize(
    ("name", "values", "found"),
    [
        ("when", [datetime.date(2020, 1, 1)] * 60, "found dates or times"),
        ("when", [datetime.datetime(2020, 1, 1)] * 60, "found dates or times"),
        ("when", [datetime.timedelta(hours=1)] * 60, "found durations"),
        ("info", [{"a": 1}] * 60, "found the type struct"),
        ("tags", [["a"]] * 60, "found the type list"),
        ("gone", [None] * 60, "found none in any row"),
        ("gone", pa.array([None] * 60, pa.string()), "found none in any row"),
        ("gone", [float("nan")] * 60, "found NaN in every row"),
        ("far", [1.0, float("inf")] * 30, "found inf in 30 rows"),
        ("far", [1.0, 1e39] * 30, "found 1e[+]39 in 30 rows"),
        ("name", [f"person {row}" for row in range(60)], "found 60 texts in 60 rows, such as 'person 0'"),
        ("user_id", list(range(100, 160)), "found a different number in every row: an identifier"),
    ],
)
def test_a_column_that_cannot_be_used_is_named(write_table, load, refusal, name, values, found) -> None:
    import re

    path = write_table({"a": NUMBERS, name: values, "label": Y})
    message = refusal(path)
    assert f"column {name!r} of {path}" in message
    assert re.search(found, message)
    assert "drop" in message
    data = load(path, drop=[name])
    assert data.input_dim == 1
    assert data.describe()["ignored_columns"] == [name]


def test_a_column_without_values_in_the_training_rows_is_named(write_csv, refusal) -> None:
    train = write_csv("a,b,label\n" + "1,,0\n2,,1\n" * 10, "train.csv")
    test = write_csv("a,b,label\n" + "1,5,0\n2,6,1\n" * 10, "test.csv")
    assert "column 'b' must have values in the training rows" in refusal(train, test=str(test))


def test_drop_must_name_columns(write_table, refusal) -> None:
    path = write_table({"age": NUMBERS, "label": Y})
    assert "found 'agee'. Did you mean 'age'?" in refusal(path, drop=["agee"])
    income = write_table({"income": NUMBERS, "label": Y}, "income.parquet")
    assert refusal(income, drop=["nope"]).endswith("found 'nope'.")
    many = write_table({"age": NUMBERS, "size": NUMBERS, "a,b": NUMBERS, "label": Y}, "many.parquet")
    found = refusal(many, drop=["a,b", "age, size"])
    assert found.endswith("found 'age, size'. Name each column by itself: 'age', 'size'.")
    assert "by itself" not in refusal(many, drop=["age,label"])
    assert "must name feature columns" in refusal(path, drop=["label"])
    assert "must have a column of features besides the label" in refusal(path, drop=["age"])


def test_a_missing_label_column_is_refused_with_the_columns(write_table, refusal) -> None:
    path = write_table({"a": NUMBERS, "kind": Y})
    assert f"{path} must have one column of classes" in refusal(path)
    assert "found the columns a, kind" in refusal(path)
    assert "found the columns a, kind. Did you mean 'kind'?" in refusal(path, label="knd")


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64(), pa.uint8(), pa.int64()])
@pytest.mark.parametrize("fixed", [False, True])
def test_lists_of_numbers(write_table, load, kind: pa.DataType, fixed: bool) -> None:
    values = RANDOM.randint(0, 255, (60, 6))
    column = pa.array(values.tolist(), pa.list_(kind, 6 if fixed else -1))
    data = load(write_table({"x": column, "label": Y}), preprocessing="none", test_fraction=0)
    scale = 255 if kind == pa.uint8() else 1
    assert data.input_dim == 6
    assert data.image_shape is None
    np.testing.assert_allclose(np.concatenate([data.train.X, data.val.X]).sum() * scale, values.sum(), rtol=1e-6)


def test_nested_lists_are_images(write_table, load) -> None:
    column = pa.array(RANDOM.randint(0, 255, (60, 4, 3)).tolist(), pa.list_(pa.list_(pa.uint8())))
    assert load(write_table({"x": column, "label": Y})).image_shape == (4, 3, 1)
    column = pa.array(RANDOM.randint(0, 255, (60, 4, 3, 2)).tolist())
    assert load(write_table({"x": column, "label": Y})).image_shape == (4, 3, 2)


def test_lists_beside_numbers(write_table, load) -> None:
    column = pa.array(RANDOM.randn(60, 4).tolist())
    assert load(write_table({"x": column, "a": NUMBERS, "label": Y})).input_dim == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ([1.0, 2.0], "must have one length; found 3 numbers in row 0 of .* and 2 in row 33 of"),
        (None, "must be complete; found a missing value in row 33 of"),
        ([1.0, None, 2.0], "must be complete; found a missing value in row 33 of"),
        ([1.0, float("nan"), 2.0], "must hold finite numbers .*; found nan in row 33 of"),
        ([1.0, 2.0, float("inf")], "found inf in row 33 of"),
    ],
)
def test_lists_that_cannot_be_used(write_table, refusal, change: list[float] | None, message: str) -> None:
    import re

    values: list[list[float] | None] = RANDOM.randn(60, 3).tolist()
    values[33] = change
    assert re.search(message, refusal(write_table({"x": values, "label": Y})))


def test_empty_and_ragged_nested_lists(write_table, refusal) -> None:
    assert "must hold numbers; found empty ones" in refusal(
        write_table({"x": pa.array([[]] * 60, pa.list_(pa.int64())), "label": Y})
    )
    ragged = [[[1, 2], [3, 4]]] * 59 + [[[1, 2], [3]]]
    assert "and 1 in row 59 of" in refusal(write_table({"x": ragged, "label": Y}))


def test_the_index_that_pandas_writes_is_no_feature(tmp_path, load) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": NUMBERS, "label": Y}).sample(frac=1, random_state=0)
    frame.to_parquet(tmp_path / "t.parquet")
    assert load(tmp_path / "t.parquet").input_dim == 1


def test_class_names_of_the_file_stay_even_where_a_class_has_no_row(write_table, load) -> None:
    data = load(write_table({"a": NUMBERS, "label": Y}, metadata={"class_names": "no,yes,maybe"}))
    assert data.class_names == ("no", "yes", "maybe")
    assert data.num_classes == 3


def test_many_rows_and_columns_stay_in_their_places(write_table, load) -> None:
    X = RANDOM.randn(700, 5)
    columns = {"ab": X[:, :2].tolist(), **{f"c{place}": X[:, place] for place in range(2, 5)}}
    data = load(write_table({**columns, "label": Y * 11 + [0, 1] * 20}), preprocessing="none", test_fraction=0)
    found = np.concatenate([data.train.X, data.val.X])
    np.testing.assert_allclose(found[np.argsort(found[:, 0])], X[np.argsort(X[:, 0])], rtol=1e-6)


def index_csv(index: str = "", names: str = "a,b") -> str:
    return f"{index},{names},label\n" + "".join(
        f"{row * 3 % 61},{row % 7},{row * row % 5},{row % 2}\n" for row in range(60)
    )


@pytest.mark.parametrize("index", ["", "Unnamed: 0"])
def test_the_index_of_pandas_to_csv_is_left_out_and_said(write_csv, load, index: str) -> None:
    data = load(write_csv(index_csv(index)))
    assert data.input_dim == 2
    assert data.describe()["ignored_columns"] == [index]
    assert data.left_out() == f"{index or '(unnamed)'}: numbers the rows"
    plain = "".join(line.split(",", 1)[1] for line in index_csv(index).splitlines(keepends=True))
    assert load(write_csv(plain, "plain.csv")).fingerprint == data.fingerprint
    # Who says so himself is not refused.
    assert load(write_csv(index_csv(index)), drop=index).fingerprint == data.fingerprint


def test_an_unnamed_column_that_says_something_stays(write_csv, load) -> None:
    text = ",b,label\n" + "".join(f"{row % 7},{row * row % 5},{row % 2}\n" for row in range(60))
    assert load(write_csv(text)).input_dim == 2
    assert load(write_csv(text), drop=[""]).input_dim == 1


def test_the_index_is_left_out_in_every_file(write_csv, load) -> None:
    write_csv(index_csv(), "parts/train.csv")
    write_csv(index_csv(), "parts/test.csv")
    data = load(write_csv(index_csv(), "parts/val.csv").parent, preprocessing="standardize")
    assert (data.input_dim, len(data.train), data.left_out()) == (2, 60, "(unnamed): numbers the rows")


def test_all_unusable_columns_are_named_at_once(write_table, refusal, load) -> None:
    columns = {"a": NUMBERS, "gone": [None] * 60, "when": [datetime.date(2020, 1, 1)] * 60, "user_id": range(60)}
    path = write_table({**columns, "label": Y})
    message = refusal(path)
    assert message.startswith(f"3 columns of {path} cannot be used:\n  - column 'gone' of {path} must have values")
    dropped = '["gone", "when", "user_id"]'
    advice = f"drop: {dropped} in a space file, or --set 'dataset.drop={dropped}'"
    assert message.endswith(advice)
    assert load(path, drop=["gone", "when", "user_id"]).input_dim == 1
    both = refusal(write_table({**columns, "label": [*Y[:-1], None]}))
    assert "4 columns of" in both
    assert "must give every row a class" in both
    assert both.endswith(advice)


def test_drop_takes_one_name(write_table, load) -> None:
    assert load(write_table({"a": NUMBERS, "customer_id": range(60), "label": Y}), drop="customer_id").input_dim == 1


def test_text_may_be_views(write_table, load) -> None:
    """As polars and newer writers of Parquet have it."""
    texts, labels = ["x", "y", "z"] * 20, ["p", "q"] * 30
    plain = load(write_table({"c": texts, "label": labels}, "plain.parquet"))
    views = write_table({"c": pa.array(texts, pa.string_view()), "label": pa.array(labels, pa.string_view())})
    assert load(views).fingerprint == plain.fingerprint
    parts = read_parts(DatasetSpec(str(views)), plain.transform)
    assert np.concatenate([part.X for part in parts]).argmax(axis=1).tolist() == [0, 1, 2] * 20
    assert read_other(DatasetSpec(str(views)), plain.transform).rows.y.tolist() == [0, 1] * 30
