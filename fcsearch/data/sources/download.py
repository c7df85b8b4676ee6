"""Files of the named datasets: found where the user keeps them, or downloaded once, checked and kept."""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import os
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import IO

from fcsearch.errors import DataError

TIMEOUT = 30  # seconds without a byte
DATA_VARIABLE = "FCSEARCH_DATA"
_CHUNK = 1 << 20


@dataclasses.dataclass(frozen=True)
class RemoteFile:
    """A file of a named dataset: where it is served, its size in bytes, and its sha256."""

    urls: tuple[str, ...]
    size: int
    sha256: str


def _files(bases: tuple[str, ...], files: dict[str, tuple[int, str]]) -> dict[str, RemoteFile]:
    return {name: RemoteFile(tuple(base + name for base in bases), *known) for name, known in files.items()}


# Sizes and sums are those that TensorFlow Datasets keeps for the same files.
FILES: dict[str, dict[str, RemoteFile]] = {
    "cifar10": _files(
        ("https://www.cs.toronto.edu/~kriz/",),
        {"cifar-10-binary.tar.gz": (170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd")},
    ),
    "mnist": _files(
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        {
            "train-images-idx3-ubyte.gz": (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            "train-labels-idx1-ubyte.gz": (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            "t10k-images-idx3-ubyte.gz": (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            "t10k-labels-idx1-ubyte.gz": (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        },
    ),
    "fashion_mnist": _files(
        (
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        {
            "train-images-idx3-ubyte.gz": (
                26421880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            "train-labels-idx1-ubyte.gz": (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            "t10k-images-idx3-ubyte.gz": (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            "t10k-labels-idx1-ubyte.gz": (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        },
    ),
}


def cache_folder() -> Path:
    """Where downloads are kept: `$XDG_CACHE_HOME/fcsearch`, or the platform's own cache folder."""
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "fcsearch"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "fcsearch"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home() / "AppData" / "Local"))) / "fcsearch" / "cache"
    return Path.home() / ".cache" / "fcsearch"


def user_folder(data_dir: str | None) -> Path | None:
    """The folder that the user keeps data in: the option, else `FCSEARCH_DATA`, else None.

    Raises:
        DataError: there is no such folder.
    """
    named = data_dir or os.environ.get(DATA_VARIABLE)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        source = "dataset option data_dir" if data_dir else DATA_VARIABLE
        raise DataError(f"{source} must name a folder; found {named!r}. Make the folder, or leave the setting out.")
    return folder


def fetch(dataset: str, name: str, *, data_dir: str | None) -> Path:
    """Path of a dataset's file, downloaded if it is on this machine neither in `data_dir` nor in the cache.

    Args:
        dataset: Name of the dataset.
        name: Name of the file.
        data_dir: Folder of the user's, which may hold the file itself or in a subfolder named after the dataset.

    Raises:
        DataError: the network is out of reach, or a file is not the one that it should be.
    """
    remote = FILES[dataset][name]
    folder = user_folder(data_dir)
    candidates = [] if folder is None else [folder / dataset / name, folder / name]
    wrong = []
    for path in filter(Path.is_file, candidates):
        found = _sha256_of(path)
        if found == remote.sha256:
            return path
        wrong.append(f"{path} has {found}")
    if wrong:
        raise DataError(
            f"{dataset}'s {name} must have the sha256 {remote.sha256}; {' and '.join(wrong)}. Remove or "
            f"replace the file; files of several datasets go into subfolders such as {candidates[0].parent}."
        )
    cached = cache_folder() / dataset / name
    # What stands in the cache was checked when it came; its size tells whether it was cut since.
    if cached.is_file() and cached.stat().st_size == remote.size:
        return cached
    _download(dataset, remote, cached)
    return cached


def _download(dataset: str, remote: RemoteFile, target: Path) -> None:
    failures = []
    for url in remote.urls:
        try:
            _download_from(url, remote, target)
        except (OSError, http.client.HTTPException, _WrongContent) as error:
            failures.append(f"{url}: {getattr(error, 'reason', None) or error}")
        else:
            return
    raise DataError(
        f"{dataset} must be downloaded once, and that failed ({'; '.join(failures)}). Download {remote.urls[0]} on a "
        f"machine with a network and put it at {target}, or into a folder named with --data-dir or {DATA_VARIABLE}."
    )


class _WrongContent(Exception):  # noqa: N818 (the caller says what it means)
    """A download that is not the file that it should be."""


def _download_from(url: str, remote: RemoteFile, target: Path) -> None:
    """Download into a file beside the target, check it, and only then give it its name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as aside:
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
                found = _copy(response, aside, remote.size)
            if found != remote.sha256:
                raise _WrongContent(f"the download's sha256 is {found} and should be {remote.sha256}")
            aside.close()
            Path(aside.name).replace(target)
        except BaseException:
            aside.close()
            Path(aside.name).unlink(missing_ok=True)
            raise


def _copy(source: IO[bytes], target: IO[bytes], size: int) -> str:
    """Copy at most `size` bytes; returns their sha256."""
    digest = hashlib.sha256()
    left = size
    while left > 0 and (chunk := source.read(min(_CHUNK, left))):
        digest.update(chunk)
        target.write(chunk)
        left -= len(chunk)
    if left or source.read(1):
        raise _WrongContent(f"the download {'ended early' if left else 'is too long'}: it should have {size} bytes")
    return digest.hexdigest()


def _sha256_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} must be readable; found: {error.strerror}. Check its permissions.") from error
