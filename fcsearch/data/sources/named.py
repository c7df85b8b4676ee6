"""The named datasets: scikit-learn's digits, CIFAR-10, MNIST, Fashion-MNIST."""

from __future__ import annotations

import gzip
import importlib.util
import math
import tarfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fcsearch.data.rows import PIXEL_SCALE, PartSizes, Rows
from fcsearch.data.sources.download import fetch
from fcsearch.data.spec import DatasetSpec
from fcsearch.errors import DataError

_FASHION_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_CIFAR10_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_CIFAR10_FILES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
_CIFAR10_RECORD = 1 + 3 * 32 * 32
_DIGITS_FILE = ("datasets", "data", "digits.csv.gz")
_IDX_FILES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
_IDX_TEST_FILES = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")


def read_named(spec: DatasetSpec) -> Rows:
    """Read a named dataset, downloading it first if it is not on this machine.

    Raises:
        DataError: it cannot be downloaded, or a file has the wrong contents.
    """
    if spec.task == "regression":
        raise DataError(f"{spec.source} must be learned as a classification; found task regression. Leave task out.")
    if spec.source == "digits":
        return _digits()
    if spec.source == "cifar10":
        return _cifar10(fetch("cifar10", "cifar-10-binary.tar.gz", data_dir=spec.data_dir))
    names = _FASHION_NAMES if spec.source == "fashion_mnist" else tuple(map(str, range(10)))
    return _idx_pairs(spec, names)


def _digits() -> Rows:
    table = _digits_table()
    pixels, y = np.ascontiguousarray(table[:, :-1], dtype=np.uint8), table[:, -1].astype(np.int64)
    names = tuple(map(str, range(10)))
    # Pixels of digits are from 0 to 16.
    return Rows(pixels, y, names, PartSizes(len(y)), scale=1 / 16, image_shape=(8, 8, 1), classes_by_place=True)


def _digits_table() -> npt.NDArray[np.float64]:
    """The digits (1797, 65): pixels, and the class last. From the file in scikit-learn, whose import takes a second."""
    package = importlib.util.find_spec("sklearn")
    file = Path(package.origin).parent.joinpath(*_DIGITS_FILE) if package and package.origin else None
    if file is not None and file.is_file():
        with gzip.open(file, mode="rt", encoding="ascii") as stream:
            return np.loadtxt(stream, delimiter=",")
    # A version that keeps it elsewhere.
    from sklearn.datasets import load_digits

    pixels, y = load_digits(return_X_y=True)
    return np.column_stack([pixels, y])


def _cifar10(archive: Path) -> Rows:
    """Read the binary form: a record is a class byte, then 32 x 32 bytes each of red, green and blue.

    Nothing is unpacked to disk, so no path in the archive matters.
    """
    blocks = _members(archive, _CIFAR10_FILES)
    for name, block in blocks.items():
        if len(block) == 0 or len(block) % _CIFAR10_RECORD:
            raise DataError(
                f"{archive}: {name} must be whole records of {_CIFAR10_RECORD} bytes; found {len(block)} bytes. "
                "Delete the file and run the command again to download it."
            )
    records = np.concatenate([blocks[name].reshape(-1, _CIFAR10_RECORD) for name in _CIFAR10_FILES])
    num_test = len(blocks["test_batch.bin"]) // _CIFAR10_RECORD
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).reshape(len(records), -1)
    sizes = PartSizes(len(records) - num_test, test=num_test)
    y = _classes(records[:, 0], len(_CIFAR10_NAMES), archive)
    return Rows(pixels, y, _CIFAR10_NAMES, sizes, scale=PIXEL_SCALE, image_shape=(32, 32, 3), classes_by_place=True)


def _members(archive: Path, wanted: tuple[str, ...]) -> dict[str, npt.NDArray[np.uint8]]:
    """Contents of regular files in a gzipped tar, by base name."""
    found = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = member.name.rsplit("/", 1)[-1]
                if member.isfile() and name in wanted and (stream := tar.extractfile(member)) is not None:
                    found[name] = np.frombuffer(stream.read(), dtype=np.uint8)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"{archive} must be a gzipped tar archive; reading it failed: {error}. Download it again."
        ) from error
    missing = [name for name in wanted if name not in found]
    if missing:
        raise DataError(f"{archive} must hold {', '.join(wanted)}; {missing[0]} is missing. Download it again.")
    return found


def _idx_pairs(spec: DatasetSpec, names: tuple[str, ...]) -> Rows:
    images, labels = [], []
    for image_file, label_file in (_IDX_FILES, _IDX_TEST_FILES):
        paths = [fetch(spec.source, file, data_dir=spec.data_dir) for file in (image_file, label_file)]
        images.append(_read_idx(paths[0], 3))
        labels.append(_classes(_read_idx(paths[1], 1), len(names), paths[1]))
        if len(images[-1]) != len(labels[-1]):
            raise DataError(
                f"{paths[0]} and {paths[1]} must have as many images as labels; "
                f"found {len(images[-1])} and {len(labels[-1])}. Download both again."
            )
    height, width = images[0].shape[1:]
    pixels = np.concatenate([part.reshape(-1, height * width) for part in images])
    sizes = PartSizes(len(labels[0]), test=len(labels[1]))
    y, shape = np.concatenate(labels), (height, width, 1)
    return Rows(pixels, y, names, sizes, scale=PIXEL_SCALE, image_shape=shape, classes_by_place=True)


def _read_idx(path: Path, ndim: int) -> npt.NDArray[np.uint8]:
    """Read a gzipped idx file: two zero bytes, a type byte (8 for unsigned bytes), ndim, big-endian sizes, the data."""
    try:
        data = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} must be a gzip file; reading it failed: {error}. Download it again.") from error
    start = 4 + 4 * ndim
    if data[:4] != bytes((0, 0, 8, ndim)) or len(data) < start:
        raise DataError(
            f"{path} must be an idx file of {ndim} dimensions of bytes; it begins {data[:4]!r}. Download it again."
        )
    shape = tuple(int.from_bytes(data[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(ndim))
    if len(data) - start != math.prod(shape):
        raise DataError(
            f"{path} must hold {math.prod(shape)} bytes of data, as its header says; found {len(data) - start}. "
            "Download it again."
        )
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)


def _classes(labels: npt.NDArray[np.uint8], count: int, path: Path) -> npt.NDArray[np.int64]:
    if len(labels) == 0 or labels.max() >= count:
        found = f"class {labels.max()}" if len(labels) else "no rows"
        raise DataError(f"{path} must hold classes 0 to {count - 1}; found {found}. Download it again.")
    return labels.astype(np.int64)
