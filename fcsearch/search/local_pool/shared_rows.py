"""Arrays shared by processes of one machine: an unnamed file, which the system removes with the last of them."""

from __future__ import annotations

import contextlib
import dataclasses
import mmap
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from fcsearch.errors import SearchError

_ALIGNMENT = 64


@dataclasses.dataclass(frozen=True)
class ArrayPlace:
    """Where an array lies in the file: its type as NumPy writes it (`<f4`), its shape, and its first byte."""

    dtype: str
    shape: tuple[int, ...]
    offset: int


@dataclasses.dataclass(frozen=True)
class SharedRows:
    """The file and the places of the arrays in it.

    Attributes:
        descriptor: The open file, which a child process inherits.
        places: The arrays by name, of each part.
    """

    descriptor: int
    places: tuple[Mapping[str, ArrayPlace], ...]


@contextlib.contextmanager
def share(parts: Sequence[Mapping[str, npt.NDArray[Any]]]) -> Iterator[SharedRows]:
    """Write arrays where child processes can map them; none is copied in memory again.

    Args:
        parts: Arrays by name, in parts that may use the same names.

    Raises:
        SearchError: there is no room in the temporary folder.
    """
    with tempfile.TemporaryFile(prefix="fcsearch-") as file:
        # What several parts have in common is written once.
        arrays = {id(array): array for part in parts for array in part.values()}
        try:
            written = {key: _written(array, file) for key, array in arrays.items()}
            file.flush()
        except OSError as error:
            size = sum(array.nbytes for array in arrays.values())
            raise SearchError(
                f"the temporary folder {tempfile.gettempdir()} must have room for the dataset, {size:,} bytes; writing "
                f"it failed: {error.strerror or error}; make room, or set TMPDIR to another folder"
            ) from error
        places = ({name: written[id(array)] for name, array in part.items()} for part in parts)
        yield SharedRows(file.fileno(), tuple(places))


def read_shared(rows: SharedRows) -> list[dict[str, npt.NDArray[Any]]]:
    """The arrays of each part, as read-only views of the file."""
    mapped = mmap.mmap(rows.descriptor, 0, access=mmap.ACCESS_READ)
    return [
        {name: np.ndarray(place.shape, np.dtype(place.dtype), mapped, place.offset) for name, place in part.items()}
        for part in rows.places
    ]


def _written(array: npt.NDArray[Any], file: IO[bytes]) -> ArrayPlace:
    """Where an array lies that is added to a file."""
    offset = -(-file.tell() // _ALIGNMENT) * _ALIGNMENT
    file.write(b"\0" * (offset - file.tell()))
    file.write(np.ascontiguousarray(array).data)
    return ArrayPlace(array.dtype.str, array.shape, offset)
