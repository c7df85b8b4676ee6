"""The named datasets, from small files in the real formats that a web server on loopback serves."""

import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.data.sources import download
from fcsearch.data.sources.download import FILES, RemoteFile, cache_folder

RANDOM = np.random.RandomState(0)
IDX = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
]


@pytest.fixture
def publish(web: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, bytes]], Path]:
    """Serves files as those of a dataset; returns the folder that they are served from."""
    address, folder = web

    def serve(dataset: str, files: dict[str, bytes]) -> Path:
        table = {}
        for name, content in files.items():
            (folder / name).write_bytes(content)
            table[name] = RemoteFile((address + name,), hashlib.sha256(content).hexdigest())
        monkeypatch.setitem(download.FILES, dataset, table)
        return folder

    return serve


def zipped(content: bytes) -> bytes:
    """Without the time of day, so that tests have the same names in every process."""
    return gzip.compress(content, mtime=0)


def idx(values: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return zipped(bytes((0, 0, 8, values.ndim)) + sizes + values.astype(np.uint8).tobytes())


def mnist_files(train: int = 100, test: int = 20) -> tuple[dict[str, bytes], np.ndarray, np.ndarray]:
    images = RANDOM.randint(0, 256, (train + test, 28, 28)).astype(np.uint8)
    labels = (np.arange(train + test) % 10).astype(np.uint8)
    arrays = [images[:train], labels[:train], images[train:], labels[train:]]
    return {name: idx(values) for name, values in zip(IDX, arrays, strict=True)}, images, labels


def cifar_archive(batches: dict[str, bytes], prefix: str = "cifar-10-batches-bin/") -> dict[str, bytes]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in batches.items():
            member = tarfile.TarInfo(prefix + name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return {"cifar-10-binary.tar.gz": buffer.getvalue()}


def cifar_batches(rows: int = 40) -> tuple[dict[str, bytes], np.ndarray, np.ndarray]:
    """Six files, the training ones first; images as (n, channels, height, width)."""
    images = RANDOM.randint(0, 256, (6 * rows, 3, 32, 32)).astype(np.uint8)
    labels = (np.arange(6 * rows) % 10).astype(np.uint8)
    records = np.concatenate([labels[:, None], images.reshape(len(images), -1)], axis=1)
    names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    return {name: records[rows * i : rows * (i + 1)].tobytes() for i, name in enumerate(names)}, images, labels


def test_digits_come_with_scikit_learn() -> None:
    data = load_dataset(DatasetSpec())
    assert data.name == "digits"
    assert (len(data.train), len(data.val), len(data.test)) == (1257, 270, 270)
    assert (data.input_dim, data.num_classes, data.image_shape) == (64, 10, (8, 8, 1))
    assert data.class_names == tuple("0123456789")
    assert np.abs(data.train.X.mean(0)).max() < 1e-5
    assert data.train.X[:, [0, 32, 39]].tolist() == [[0, 0, 0]] * 1257  # no ink ever, but for rows outside
    plain = load_dataset(DatasetSpec(preprocessing="none"))
    assert (plain.train.X.min(), plain.train.X.max()) == (0, 1)


def test_mnist_from_idx_files(publish) -> None:
    files, images, labels = mnist_files()
    publish("mnist", files)
    data = load_dataset(DatasetSpec("mnist", preprocessing="none"))
    np.testing.assert_allclose(data.test.X, images[100:].reshape(20, -1) / 255, rtol=1e-6)
    assert data.test.y.tolist() == labels[100:].tolist()
    assert (len(data.train), len(data.val), data.image_shape) == (85, 15, (28, 28, 1))
    assert data.describe()["given_splits"] == ["test"]
    for row, y in zip(data.train.X, data.train.y, strict=True):
        place = np.flatnonzero((images.reshape(120, -1) == np.round(row * 255)).all(1))
        assert labels[place].tolist() == [y]


def test_fashion_mnist_has_its_names(publish) -> None:
    publish("fashion_mnist", mnist_files()[0])
    names = load_dataset(DatasetSpec("fashion_mnist")).class_names
    assert (names[0], names[8], names[9], len(names)) == ("T-shirt/top", "Bag", "Ankle boot", 10)


def test_cifar10_from_its_binary_form(publish) -> None:
    batches, images, labels = cifar_batches()
    publish("cifar10", cifar_archive({**batches, "batches.meta.txt": b"airplane\n", "../evil.bin": b"x"}))
    data = load_dataset(DatasetSpec("cifar10", preprocessing="none"))
    assert (len(data.train), len(data.val), len(data.test)) == (170, 30, 40)
    assert (data.image_shape, data.input_dim) == ((32, 32, 3), 3072)
    assert data.class_names[3] == "cat"
    expected = images[200:].transpose(0, 2, 3, 1).reshape(40, -1)  # row, column, channel, as a decoded image has them
    np.testing.assert_allclose(data.test.X, expected / 255, rtol=1e-6)
    assert data.test.y.tolist() == labels[200:].tolist()


def test_cifar10_in_files_that_are_already_there(publish, tmp_path, monkeypatch) -> None:
    archive = cifar_archive(cifar_batches()[0])
    served = publish("cifar10", archive)
    (served / "cifar-10-binary.tar.gz").unlink()
    (tmp_path / "mine" / "cifar10").mkdir(parents=True)
    (tmp_path / "mine" / "cifar10" / "cifar-10-binary.tar.gz").write_bytes(archive["cifar-10-binary.tar.gz"])
    by_option = load_dataset(DatasetSpec("cifar10", data_dir=str(tmp_path / "mine")))
    monkeypatch.setenv("FCSEARCH_DATA", str(tmp_path / "mine"))
    assert load_dataset(DatasetSpec("cifar10")).fingerprint == by_option.fingerprint
    assert not cache_folder().exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda batches: batches.pop("data_batch_3.bin"), "data_batch_3.bin is missing"),
        (
            lambda batches: batches.update({"data_batch_3.bin": b"abc"}),
            "data_batch_3.bin must be whole records of 3073 bytes",
        ),
        (
            lambda batches: batches.update({"test_batch.bin": b""}),
            "test_batch.bin must be whole records .* found 0 bytes",
        ),
        (
            lambda batches: batches.update({"test_batch.bin": bytes([10] * 3073)}),
            "must hold classes 0 to 9; found class 10",
        ),
    ],
)
def test_a_wrong_cifar10_archive_is_refused(
    publish, refusal, change: Callable[[dict[str, bytes]], object], message: str
) -> None:
    import re

    batches = cifar_batches()[0]
    change(batches)
    publish("cifar10", cifar_archive(batches))
    assert re.search(message, refusal("cifar10"))


def test_a_broken_cifar10_archive_is_refused(publish, refusal) -> None:
    whole = cifar_archive(cifar_batches()[0])["cifar-10-binary.tar.gz"]
    for content in (b"hello", whole[: len(whole) // 2]):
        publish("cifar10", {"cifar-10-binary.tar.gz": content})
        assert "must be a gzipped tar archive" in refusal("cifar10")


@pytest.mark.parametrize(
    ("place", "content", "message"),
    [
        (0, b"hello", "must be a gzip file"),
        (0, zipped(b"hello"), "must be an idx file of 3 dimensions of bytes; it begins b'hell'"),
        (0, zipped(idx(np.zeros((3, 28, 28)))), "must be an idx file"),
        (0, zipped(gzip.decompress(idx(np.zeros((100, 28, 28))))[:-1]), "must hold 78400 bytes of data"),
        (1, idx(np.zeros(99)), "as many images as labels; found 100 and 99"),
        (1, idx(np.full(100, 10)), "must hold classes 0 to 9; found class 10"),
        (3, idx(np.zeros(0)), "found no rows"),
    ],
)
def test_wrong_idx_files_are_refused(publish, refusal, place: int, content: bytes, message: str) -> None:
    publish("mnist", {**mnist_files()[0], IDX[place]: content})
    assert message in refusal("mnist")
    assert IDX[place] in refusal("mnist")


def test_the_table_of_files_is_whole() -> None:
    assert {name: sorted(files) for name, files in FILES.items()} == {
        "cifar10": ["cifar-10-binary.tar.gz"],
        "mnist": sorted(IDX),
        "fashion_mnist": sorted(IDX),
    }
    every = [remote for files in FILES.values() for remote in files.values()]
    assert all(len(remote.sha256) == 64 and remote.urls for remote in every)
    assert len({remote.sha256 for remote in every}) == 9
    assert all(url.endswith(name) for files in FILES.values() for name, remote in files.items() for url in remote.urls)


def test_digits_are_those_of_scikit_learn_without_its_import() -> None:
    code = (
        "import sys; from fcsearch.data import DatasetSpec, load_dataset\n"
        "from fcsearch.data.sources.named import read_named\n"
        "load_dataset(DatasetSpec('digits')); print({'sklearn', 'scipy', 'pandas'} & set(sys.modules))\n"
        "from sklearn.datasets import load_digits; X, y = load_digits(return_X_y=True)\n"
        "rows = read_named(DatasetSpec('digits')); print((rows.X == X).all(), (rows.y == y).all())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["set()", "True True"]


def test_digits_that_lie_elsewhere_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found = load_dataset(DatasetSpec("digits"))
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    assert load_dataset(DatasetSpec("digits")).fingerprint == found.fingerprint
