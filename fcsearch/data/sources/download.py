"""Files of the named datasets: found where the user keeps them, or downloaded once by pooch, checked and kept."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
from pathlib import Path

from fcsearch.errors import DataError

TIMEOUT = 30  # seconds without a byte
DATA_VARIABLE = "FCSEARCH_DATA"
_CHUNK = 1 << 20


@dataclasses.dataclass(frozen=True)
class RemoteFile:
    """A file of a named dataset: where it is served, and its sha256."""

    urls: tuple[str, ...]
    sha256: str


def _files(bases: tuple[str, ...], sums: dict[str, str]) -> dict[str, RemoteFile]:
    return {name: RemoteFile(tuple(base + name for base in bases), known) for name, known in sums.items()}


# The sums are those that TensorFlow Datasets keeps for the same files.
FILES: dict[str, dict[str, RemoteFile]] = {
    "cifar10": _files(
        ("https://www.cs.toronto.edu/~kriz/",),
        {"cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
    ),
    "mnist": _files(
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        {
            "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        },
    ),
    "fashion_mnist": _files(
        (
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        {
            "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        },
    ),
}


def cache_folder() -> Path:
    """Where downloads are kept: `$XDG_CACHE_HOME/fcsearch`, or the platform's own cache folder."""
    import pooch

    return Path(pooch.os_cache("fcsearch"))


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
        raise DataError(f"{source} must name a folder; found {named!r}. Create the folder, or leave the setting out.")
    return folder


def fetch(dataset: str, name: str, *, data_dir: str | None) -> Path:
    """Path of a dataset's file, downloaded if it is neither in `data_dir` nor in the cache.

    Args:
        dataset: Name of the dataset.
        name: Name of the file.
        data_dir: Folder of the user's, which may hold the file itself or in a subfolder named after the dataset.

    Raises:
        DataError: the download failed, or a file has the wrong contents.
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
    return _download(dataset, name, remote)


def _download(dataset: str, name: str, remote: RemoteFile) -> Path:
    """The file in the cache, downloaded if it is missing or has the wrong contents."""
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    # Some servers declare .gz files as a content encoding, and requests would unpack them.
    as_it_is = pooch.HTTPDownloader(timeout=TIMEOUT, chunk_size=_CHUNK, headers={"Accept-Encoding": "identity"})
    folder = cache_folder() / dataset
    failures = []
    for url in remote.urls:
        try:
            return Path(pooch.retrieve(url, f"sha256:{remote.sha256}", name, folder, downloader=as_it_is))
        except (OSError, ValueError) as error:
            failures.append(f"{url}: {_cause(error)}")
    raise DataError(
        f"{dataset} must be downloaded once, and that failed ({'; '.join(failures)}). Download {remote.urls[0]} on a "
        f"machine with a network and put it at {folder / name}, or into a folder named with --data-dir or "
        f"{DATA_VARIABLE}."
    )


def _cause(error: BaseException) -> BaseException:
    """The error at the root, such as `Connection refused`, without what each library on the way adds to it."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


def _sha256_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} must be readable; found: {error.strerror}. Check its permissions.") from error
