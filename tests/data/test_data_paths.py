import gzip
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = "".join(f"{n},{n * n % 7},{'ab'[n % 2]}\n" for n in range(60))
CSV = "x,z,label\n" + ROWS


def rows(data: object) -> tuple[int, int, int]:
    counts = data.describe()["rows"]  # type: ignore[attr-defined]
    return counts["train"], counts["val"], counts["test"]


def test_a_folder_with_train_and_test_files(write_csv, load, tmp_path) -> None:
    write_csv(CSV, "data/toy-train.csv")
    write_csv("x,z,label\n1000,1,a\n2000,2,b\n", "data/toy-test.csv")
    data = load(tmp_path / "data", preprocessing="none")
    assert rows(data) == (51, 9, 2)
    assert data.test.X.tolist() == [[1000, 1], [2000, 2]]
    assert data.describe()["given_splits"] == ["test"]
    assert data.name == "data"


def test_a_folder_with_all_three_splits_and_several_files_of_one(write_csv, load, tmp_path) -> None:
    for name in ("train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001", "test-00000-of-00001"):
        write_csv(CSV, f"data/{name}.csv")
    write_csv("", "data/.hidden.csv")
    write_csv("# notes", "data/README.md")
    data = load(tmp_path / "data")
    assert rows(data) == (120, 60, 60)
    assert data.describe()["given_splits"] == ["val", "test"]
    assert rows(load(tmp_path / "data" / "train-*.csv")) == (84, 18, 18)
    assert rows(load(tmp_path / "data" / "t*.csv")) == (102, 18, 60)


def test_a_folder_of_one_split(write_csv, load, tmp_path) -> None:
    write_csv(CSV, "data/part-0.csv")
    write_csv(CSV, "data/part-1.csv")
    assert rows(load(tmp_path / "data")) == (84, 18, 18)


def test_a_single_file_is_what_it_is(write_csv, load, tmp_path) -> None:
    path = write_csv(CSV, "data/toy-train.csv")
    write_csv(CSV, "data/toy-test.csv")
    assert rows(load(path)) == (42, 9, 9)
    assert rows(load(tmp_path / "data" / "toy-test.csv")) == (42, 9, 9)
    assert load(path).name == "toy-train"


def test_a_given_test_file_is_left_alone_in_another_format(write_csv, write_table, load) -> None:
    test = write_table({"label": ["a", "b"], "z": [1.5, 2.5], "x": [7, 8]}, "held_out.parquet")
    data = load(write_csv(CSV), test=str(test), preprocessing="none")
    assert data.test.X.tolist() == [[7, 1.5], [8, 2.5]]
    assert data.test.y.tolist() == [0, 1]


def test_words_inside_other_words_are_no_splits(write_csv, load, tmp_path) -> None:
    write_csv(CSV, "data/latest.csv")
    write_csv(CSV, "data/trained.csv")
    assert rows(load(tmp_path / "data")) == (84, 18, 18)


def test_names_that_leave_the_split_open_are_refused(write_csv, refusal, tmp_path) -> None:
    write_csv(CSV, "data/train.csv")
    write_csv(CSV, "data/test.csv")
    write_csv(CSV, "data/sample_submission.csv")
    assert "must all say their split (train, val or test), or none; found sample_submission.csv" in refusal(
        tmp_path / "data"
    )


def test_two_test_splits_are_refused(write_csv, refusal, tmp_path) -> None:
    write_csv(CSV, "data/train.csv")
    write_csv(CSV, "data/test.csv")
    other = write_csv(CSV, "other.csv")
    assert "there must be one test split" in refusal(tmp_path / "data", test=str(other))


def test_a_file_in_two_splits_is_refused(write_csv, refusal) -> None:
    path = write_csv(CSV)
    assert f"{path} must be in one split; found it in train and in test" in refusal(path, test=str(path))


def test_files_of_unequal_columns_are_refused(write_csv, refusal, tmp_path) -> None:
    train = write_csv(CSV, "data/train.csv")
    test = write_csv("x,z\n1,2\n", "data/test.csv")
    assert f"including the label 'label'; {test} lacks 'label' (compared with {train})" in refusal(tmp_path / "data")
    write_csv("x,z,label,w\n1,2,a,3\n", "data/test.csv")
    assert f"{test} has 'w' besides" in refusal(tmp_path / "data")
    write_csv("x,z,label\nword,2,a\n", "data/test.csv")
    assert "must have one type in all files" in refusal(tmp_path / "data")


def test_a_class_that_only_the_test_file_has_is_refused(write_csv, refusal) -> None:
    test = write_csv("x,z,label\n1,2,c\n", "test.csv")
    assert "found 'c' in the validation or test split only" in refusal(write_csv(CSV), test=str(test))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("fashion-mnist", "Did you mean 'fashion_mnist'"),
        ("cifar", "Did you mean 'cifar10'"),
        ("qqqq", "or the path of a file"),
    ],
)
def test_a_dataset_that_does_not_exist(refusal, name: str, hint: str) -> None:
    message = refusal(name)
    assert "must be one of digits, cifar10, mnist, fashion_mnist, openml:<name or id>, or the path" in message
    assert f"found {name!r}" in message
    assert hint in message


def test_a_file_that_does_not_exist(write_csv, refusal) -> None:
    path = write_csv(CSV, "flowers.csv")
    assert f"Did you mean {path}?" in refusal(path.with_name("flower.csv"))
    write_csv(CSV, "new_rows.csv")
    assert "Did you mean" not in refusal(path.with_name("nosuch.csv"))
    assert "found nothing there" in refusal(path.parent / "nowhere" / "x.csv")
    assert "found no match" in refusal(path.parent / "*.parquet")


def test_what_holds_no_data_files(write_csv, refusal, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    assert "found an empty folder" in refusal(tmp_path / "empty")
    assert "found notes.txt" in refusal(write_csv("x", "docs/notes.txt").parent)
    assert "must be or hold files ending in .parquet, .pq, .csv" in refusal(write_csv("x", "a.xlsx"))


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.npz", "a.csv.gz"])
def test_an_empty_file(write_csv, refusal, name: str) -> None:
    path = write_csv(b"", name)
    assert str(path) in refusal(path)


def test_a_table_without_rows(write_csv, write_table, refusal) -> None:
    assert "must have rows; found none below its 2 column names" in refusal(write_csv("a,label\n"))
    empty = write_table({"a": pa.array([], pa.int64()), "label": pa.array([], pa.int64())})
    assert "must have rows" in refusal(empty)


@pytest.mark.parametrize("keep", [3, 0.3, 0.9])
def test_a_truncated_parquet_file(write_table, refusal, keep: float) -> None:
    path = write_table({"a": np.random.RandomState(0).randn(500), "label": [0, 1] * 250})
    content = path.read_bytes()
    path.write_bytes(content[: int(keep if keep > 1 else keep * len(content))])
    assert re.search(f"{path} must be a whole Parquet file; reading it failed: .* copy the file again", refusal(path))


def test_a_parquet_file_damaged_in_the_middle(tmp_path: Path, refusal) -> None:
    path = tmp_path / "t.parquet"
    table = pa.table({"a": np.random.RandomState(0).randn(5000), "label": [0, 1] * 2500})
    pq.write_table(table, path, compression="zstd", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[200:20000] = bytes(19800)
    path.write_bytes(content)
    assert "must be a whole Parquet file" in refusal(path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_seen_from_the_first_line(write_csv, load, delimiter: str) -> None:
    data = load(
        write_csv(CSV.replace("x,", '"x, or so",').replace(",", delimiter).replace(f"x{delimiter} or", "x, or"))
    )
    assert data.input_dim == 2


def test_csv_variants(write_csv, load) -> None:
    expected = load(write_csv(CSV)).fingerprint
    assert load(write_csv(b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode())).fingerprint == expected
    packed = write_csv(gzip.compress(CSV.encode()), "t.csv.gz")
    assert load(packed).fingerprint == expected
    assert load(packed).name == "t"
    late = "x,z,label\n" + "1,2,a\n" * 30000 + "1.5,?,b\n" * 30000  # types change far down, ? is missing
    assert load(write_csv(late), preprocessing="none").train.X[:, 0].max() == 1.5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,label\n1,0\n2\n", "reading it failed: .*Expected 2 columns, got 1"),
        ("näme,label\n1,0\n2,1\n".encode("latin-1"), "must be a CSV file in UTF-8"),
        (b"name,label\n\xff\xfe,0\n\xff,1\n", "must be a CSV file in UTF-8 .*; found other bytes in column 'name'"),
        (b"a,a,label\n1,2,0\n", "must name each column once; found 'a'"),
        (b"\x1f\x8b not gzip at all", "found|failed"),
        (b"1.0,2.0,0\n3.0,4.0,1\n", "see that the first line of a CSV file names the columns"),
    ],
)
def test_csv_files_that_cannot_be_read(write_csv, refusal, content: bytes, message: str) -> None:
    path = write_csv(content)
    assert re.search(message, refusal(path))
    assert str(path) in refusal(path)


def test_a_broken_gzip_file(write_csv, refusal) -> None:
    whole = gzip.compress(CSV.encode())
    assert "reading it failed" in refusal(write_csv(whole[:40], "t.csv.gz"))
    assert "reading it failed" in refusal(write_csv(b"plain", "u.csv.gz"))


def test_a_home_folder_and_a_relative_path(write_csv, load, tmp_path, monkeypatch) -> None:
    write_csv(CSV, "t.csv")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert load("~/t.csv").fingerprint == load("t.csv").fingerprint == load("*.csv").fingerprint


def test_a_folder_called_like_a_hive_partition_adds_no_column(write_table, load) -> None:
    path = write_table({"a": np.arange(60) % 7, "label": [0, 1] * 30}, "year=2020/t.parquet")
    assert load(path).input_dim == 1
