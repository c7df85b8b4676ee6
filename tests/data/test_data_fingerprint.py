import json

import numpy as np
import pytest

from fcsearch.data import DatasetSpec, load_dataset

CSV = "a,word,label\n" + "".join(f"{n * n % 11},{'xy'[n % 3 == 0]},{n % 2}\n" for n in range(60))


def test_the_fingerprint_is_stable() -> None:
    # What it is on every machine: a change of this line means that old manifests no longer compare.
    assert load_dataset(DatasetSpec()).fingerprint == "a5373c0d036a1308"


@pytest.mark.parametrize(
    "options",
    [
        {"split_seed": 1},
        {"preprocessing": "mean"},
        {"val_fraction": 0.2},
        {"test_fraction": 0.2},
        {"num_train": 500},
        {"num_val": 100},
    ],
)
def test_options_that_change_the_numbers_change_it(options: dict[str, object]) -> None:
    assert load_dataset(DatasetSpec.from_value(options)).fingerprint != load_dataset(DatasetSpec()).fingerprint


def test_contents_decide_and_not_where_they_stand(write_csv, load) -> None:
    known = load(write_csv(CSV)).fingerprint
    assert load(write_csv(CSV, "other/place.csv")).fingerprint == known
    assert load(write_csv(CSV), test_fraction=0.15).fingerprint == known
    for change in (("4,x", "5,x"), (",y,", ",z,"), ("\n0,y,0", "\n0,y,1"), (",0\n", ",no\n"), ("a,word", "b,word")):
        assert load(write_csv(CSV.replace(*change))).fingerprint != known


def test_byte_order_and_layout_do_not_matter(load, tmp_path) -> None:
    X, y = np.random.RandomState(0).randn(60, 4), np.arange(60) % 2
    np.savez(tmp_path / "a.npz", X=X, y=y)
    np.savez(tmp_path / "b.npz", X=np.asfortranarray(X).astype(">f8"), y=y.astype(">i4"))
    assert load(tmp_path / "a.npz").fingerprint == load(tmp_path / "b.npz").fingerprint


def test_describe_is_json_and_says_what_was_read(write_csv, load) -> None:
    path = write_csv(CSV + "3,x,2\n")
    description = load(path, num_train=20).describe()
    assert json.loads(json.dumps(description)) == description
    assert description["rows"] == {"train": 20, "val": 9, "test": 9}
    assert description["spec"]["source"] == str(path)
    assert description["class_names"] == ["0", "1", "2"]
    assert description["class_counts"] == {"train": [10, 10, 0], "val": [4, 5, 0], "test": [5, 4, 0]}
    assert description["classes_in_training_only"] == ["2"]
    assert (description["input_dim"], description["num_classes"], description["image_shape"]) == (3, 3, None)
    assert DatasetSpec.from_json(description["spec"]).num_train == 20
