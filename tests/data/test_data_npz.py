import io
import re
import zipfile

import numpy as np
import pytest

from fcsearch.data import DatasetSpec
from fcsearch.data.sources.checking import check_source
from fcsearch.errors import DataError

RANDOM = np.random.RandomState(0)
X = RANDOM.randn(60, 5)
Y = np.arange(60) % 3


@pytest.fixture
def write_npz(tmp_path):
    def write(name: str = "t.npz", **arrays: object):
        path = tmp_path / name
        np.savez(path, **arrays)
        return path

    return write


@pytest.mark.parametrize("names", [("X", "y"), ("x", "label"), ("data", "target"), ("images", "labels")])
def test_features_and_labels(write_npz, load, names: tuple[str, str]) -> None:
    data = load(write_npz(**dict(zip(names, (X, Y), strict=True))), preprocessing="none", test_fraction=0)
    assert data.input_dim == 5
    assert data.class_names == ("0", "1", "2")
    np.testing.assert_allclose(np.sort(np.concatenate([data.train.X, data.val.X]), 0), np.sort(X, 0), rtol=1e-6)


def test_keras_layout(write_npz, load) -> None:
    images = RANDOM.randint(0, 256, (60, 4, 4)).astype(np.uint8)
    data = load(write_npz(x_train=images, y_train=Y, x_test=images[:9], y_test=Y[:9]), preprocessing="none")
    assert data.image_shape == (4, 4, 1)
    assert data.describe()["given_splits"] == ["test"]
    np.testing.assert_allclose(data.test.X, images[:9].reshape(9, 16) / 255, rtol=1e-6)


def test_three_splits_and_labels_in_a_column(write_npz, load) -> None:
    images = RANDOM.randint(0, 256, (60, 4, 4, 3)).astype(np.uint8)
    parts = {f"{split}_images": images for split in ("train", "val", "test")}
    parts |= {f"{split}_labels": Y[:, None] for split in ("train", "val", "test")}
    data = load(write_npz(**parts))
    assert data.image_shape == (4, 4, 3)
    assert [len(data.train), len(data.val), len(data.test)] == [60, 60, 60]


def test_several_files(write_npz, load, tmp_path) -> None:
    write_npz("train.npz", X=X, y=Y)
    write_npz("test.npz", x_test=X[:6], y_test=Y[:6])
    assert len(load(tmp_path).test) == 6


def test_text_labels_and_a_named_array(write_npz, load) -> None:
    words = np.array(["a", "b", "c"])[Y]
    assert load(write_npz(X=X, kind=words, y=Y), label="kind").class_names == ("a", "b", "c")
    assert load(write_npz(X=X, y=words.astype("S"))).class_names == ("a", "b", "c")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": X, "b": Y}, "must hold an array of features, called X .*; found a, b"),
        ({"X": X}, "an array of labels, called y .*; found X"),
        ({"X": X, "data": X, "y": Y}, "one array of features per split; found 'data' as well"),
        ({"X": X, "y": Y[:-1]}, r"one class per row; found features of shape \(60, 5\) and classes of shape \(59,\)"),
        ({"X": X[:, 0], "y": Y}, r"found features of shape \(60,\)"),
        ({"X": X[:0], "y": Y[:0]}, r"found features of shape \(0, 5\)"),
        ({"X": X, "y": np.eye(3)[Y]}, r"classes of shape \(60, 3\)"),
        ({"X": np.where(X > 2, np.nan, X), "y": Y}, "must hold finite features .*; found nan in row"),
        ({"X": np.where(X > 2, np.inf, X), "y": Y}, "found inf in row"),
        ({"X": X.astype("U"), "y": Y}, "must hold features that are numbers; found the type <U"),
        ({"X": X, "y": np.where(Y > 1, np.nan, Y)}, "missing or non-finite labels"),
        ({"X": X, "y": np.where(Y > 1, 0.5, np.inf)}, "must give every row a finite number"),
        ({"X": X, "y": Y * 0}, "at least 2 classes"),
        ({"X": X, "y": Y * 1j}, "must be integers or text; found the type complex128"),
        ({"X": X, "y": np.array(Y, dtype=object)}, "it holds Python objects"),
        (
            {"x_train": X, "y_train": Y, "x_test": X[:, :2], "y_test": Y},
            r"must have one shape; found rows of shape \(2,\) and \(5,\)",
        ),
    ],
)
def test_arrays_that_cannot_be_used(write_npz, refusal, arrays: dict[str, np.ndarray], message: str) -> None:
    path = write_npz(**arrays)
    assert re.search(message, refusal(path))
    assert str(path) in refusal(path)


def test_files_that_cannot_be_used(write_npz, write_csv, refusal, tmp_path) -> None:
    path = write_npz(X=X, y=Y)
    assert "belongs to tables" in refusal(path, drop=["a"])
    path.write_bytes(path.read_bytes()[:-100])
    assert "must be a whole NPZ file" in refusal(path)
    np.save(tmp_path / "lone.npy", X)
    (tmp_path / "lone.npy").rename(tmp_path / "lone.npz")
    assert "must be a whole NPZ file" in refusal(tmp_path / "lone.npz")
    csv = write_csv("a,label\n1,0\n")
    assert "must be of one format; found csv and npz" in refusal(write_npz(X=X, y=Y), test=str(csv))


def test_only_what_is_missing_is_asked_for(write_npz, refusal) -> None:
    found = refusal(write_npz(x=X))
    assert "must hold an array of labels, called y (labels, target), beside the features; found x." in found
    assert "called X" not in found


def test_headers_say_what_is_missing(write_npz) -> None:
    for arrays, found in (({"X": X}, "called y"), ({"X": X, "y": Y[:-1]}, "one class per row")):
        with pytest.raises(DataError, match=found):
            check_source(DatasetSpec(str(write_npz(**arrays))))
    check_source(DatasetSpec(str(write_npz(X=X, y=Y[:, None]))))


def test_an_array_that_claims_more_than_there_is(refusal, tmp_path) -> None:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (2 * 10**11, 10**6)})
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as file:
        for name in ("X", "y"):
            file.writestr(f"{name}.npy", head.getvalue() + bytes(100))
    assert "must be a whole NPZ file of plain arrays" in refusal(tmp_path / "huge.npz")


def test_a_file_of_all_splits_must_stand_alone(write_npz, refusal) -> None:
    both = write_npz("both.npz", x_train=X, y_train=Y, x_test=X, y_test=Y)
    other = write_npz("other.npz", X=X, y=Y)
    assert f"{both} must hold one split" in refusal(both, test=str(other))


@pytest.mark.parametrize("label", ["device", "latest", "labels_train", "y_val"])
def test_an_array_that_the_label_names_may_sound_like_a_split(write_npz, load, label: str) -> None:
    path = write_npz(X=X, **{label: Y})
    assert load(path, label=label).class_names == ("0", "1", "2")


def test_labels_in_other_bytes_are_refused(write_npz, refusal) -> None:
    labels = np.array(["é".encode("latin-1"), b"a"] * 30)
    assert "must be text in UTF-8; found other bytes" in refusal(write_npz(X=X, y=labels))
