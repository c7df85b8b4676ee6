"""The real CIFAR-10 files, where they are: `$FCSEARCH_SHARED/data`, else `../shared/data` beside the repository."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

FOLDER = Path(os.environ.get("FCSEARCH_SHARED", Path(__file__).parents[3] / "shared")) / "data"
NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

pytestmark = pytest.mark.skipif(
    not (FOLDER / "cifar10-train.parquet").is_file(),
    reason="no cifar10-train.parquet in ../shared/data or FCSEARCH_SHARED",
)


@pytest.fixture
def sliced(tmp_path: Path) -> Path:
    """A folder with the first rows of both files."""
    for name, count in (("cifar10-train.parquet", 800), ("cifar10-test.parquet", 200)):
        with pq.ParquetFile(FOLDER / name) as file:
            batch = next(file.iter_batches(count))
            pq.write_table(
                pa.Table.from_batches([batch]).replace_schema_metadata(file.schema_arrow.metadata), tmp_path / name
            )
    return tmp_path


def test_a_folder_gives_both_splits(sliced: Path, load) -> None:
    data = load(sliced)
    assert data.describe()["rows"] == {"train": 680, "val": 120, "test": 200}
    assert (data.class_names, data.image_shape, data.input_dim) == (NAMES, (32, 32, 3), 3072)
    assert np.abs(data.train.X.mean(0)).max() < 1e-4
    np.testing.assert_allclose(data.train.X.std(0), 1, rtol=1e-3)
    with pq.ParquetFile(sliced / "cifar10-test.parquet") as file:
        assert data.test.y.tolist() == file.read(["label"])["label"].to_pylist()


def test_one_file_is_split(sliced: Path, load) -> None:
    data = load(sliced / "cifar10-train.parquet", num_train=200)
    assert data.describe()["rows"] == {"train": 200, "val": 120, "test": 120}
    assert np.bincount(data.train.y).tolist() == pytest.approx([20] * 10, abs=5)


def test_a_nearest_neighbour_finds_more_than_chance(sliced: Path, load) -> None:
    data = load(sliced, preprocessing="mean")
    squares = (data.train.X**2).sum(1) - 2 * data.test.X @ data.train.X.T
    accuracy = (data.train.y[squares.argmin(1)] == data.test.y).mean()
    assert 0.17 < accuracy < 0.4
