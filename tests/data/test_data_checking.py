"""What is known of a dataset without reading its rows agrees with what loading it says."""

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fcsearch.data import Dataset, DatasetSpec
from fcsearch.data.sources.checking import check_source
from fcsearch.errors import DataError

NUMBERS = [number + 0.5 for number in range(60)]
CLASSES = [number % 2 for number in range(60)]
HUB = json.dumps({"info": {"features": {"kind": {"_type": "ClassLabel", "names": ["cat", "dog"]}}}})
CSV = "\n".join(["a,label", *(f"{a},{label}" for a, label in zip(NUMBERS, CLASSES, strict=True))]) + "\n"

Sources = dict[str, Callable[[], Path]]


def zipped(path: Path, **members: bytes | np.ndarray) -> Path:
    """An NPZ file whose members have these very names."""
    with zipfile.ZipFile(path, "w") as file:
        for name, member in members.items():
            with file.open(name, "w") as stream:
                stream.write(member) if isinstance(member, bytes) else np.lib.format.write_array(stream, member)
    return path


@pytest.fixture
def sources(write_table, write_csv, tmp_path: Path) -> Sources:
    """Writes sources that load, by what is unusual about them."""

    def folder() -> Path:
        for name in ("f/train-0.parquet", "f/train-1.parquet", "f/test.parquet"):
            write_table({"a": NUMBERS, "kind": CLASSES}, name, {"huggingface": HUB})
        return tmp_path / "f"

    def arrays(**names: np.ndarray) -> Path:
        np.savez(tmp_path / "t.npz", **names)
        return tmp_path / "t.npz"

    X, y = np.array(NUMBERS)[:, None], np.array(CLASSES)
    return {
        "the hub names the label": lambda: write_table({"a": NUMBERS, "kind": CLASSES}, metadata={"huggingface": HUB}),
        "the hub chooses between two": lambda: write_table(
            {"y": NUMBERS, "target": NUMBERS, "kind": CLASSES}, metadata={"huggingface": HUB}
        ),
        "a folder of the hub's files": folder,
        "an index of pandas": lambda: write_table(
            {"a": NUMBERS, "label": CLASSES, "__index_level_0__": range(60)}, metadata={"pandas": "{}"}
        ),
        "CSV": lambda: write_csv(CSV),
        "gzip": lambda: write_csv(gzip.compress(CSV.replace(",", "\t").encode()), "t.tsv.gz"),
        "decimal commas": lambda: write_csv(CSV.replace(",", ";").replace(".", ",")),
        "arrays": lambda: arrays(X=X, y=y),
        "arrays of splits": lambda: arrays(x_training=X, y_training=y, x_dev=X, y_dev=y, x_test=X, y_test=y),
        "members without an ending": lambda: zipped(tmp_path / "t.npz", X=X, y=y),
    }


@pytest.mark.parametrize(
    "name",
    [
        "the hub names the label",
        "the hub chooses between two",
        "a folder of the hub's files",
        "an index of pandas",
        "CSV",
        "gzip",
        "decimal commas",
        "arrays",
        "arrays of splits",
        "members without an ending",
    ],
)
def test_what_loads_passes_the_check(sources: Sources, load: Callable[..., Dataset], name: str) -> None:
    path = sources[name]()
    assert load(path).num_classes == 2
    check_source(DatasetSpec(str(path)))


def test_words_for_splits_are_those_of_file_names(sources: Sources, load: Callable[..., Dataset]) -> None:
    data = load(sources["arrays of splits"]())
    assert [len(data.train), len(data.val), len(data.test)] == [60, 60, 60]


def test_a_member_that_is_no_array_is_named(tmp_path: Path, refusal: Callable[..., str]) -> None:
    path = zipped(tmp_path / "t.npz", X=b"text", y=np.array(CLASSES))
    assert "must be a whole NPZ file of plain arrays; reading it failed: X is no array" in refusal(path)
    with pytest.raises(DataError, match="must be a whole NPZ file of plain arrays"):
        check_source(DatasetSpec(str(path)))
