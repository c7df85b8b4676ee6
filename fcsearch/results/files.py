"""Files of a run directory: written whole, and read with a remedy for damage."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from fcsearch.config import OWN_FORM, InputForm
from fcsearch.errors import RunError
from fcsearch.results.patience import patiently
from fcsearch.whole_file import whole_file

# Folder of a run directory in which files are written before they get their place. It lies beside the folders of
# Parquet parts, not in them, so that no reader of a folder can see it, whatever files that reader ignores.
ASIDE = ".aside"
# What to do about a damaged file that the tables do not need.
RESTORE = "restore a copy of it; the tables in trials/ and epochs/ can be read without it"


def transform_name(form: InputForm) -> str:
    """The file of a run with what makes a form of its rows; transform.json makes the dataset's own."""
    return "-".join(["transform", *([] if form == OWN_FORM else str(form).split())]) + ".json"


def write_whole(path: Path, write: Callable[[IO[bytes]], object], *, aside: Path) -> None:
    """Write a file of a run, whole or not at all; a search waits for storage that refuses.

    Args:
        path: Where the file goes; what is there is replaced.
        write: Called with the open binary file; again if the first attempt failed.
        aside: Folder for the unfinished file, on the same file system; made if missing.

    Raises:
        RunError: the file system refused.
    """

    def whole() -> None:
        with whole_file(path, aside=aside) as stream:
            write(stream)

    _allowed(path, whole)


def make_folder(path: Path) -> None:
    """Make a folder of a run, unless it exists; as `write_whole`."""
    _allowed(path, lambda: path.mkdir(exist_ok=True))


def remove(path: Path) -> None:
    """Remove a file of a run, if it exists; as `write_whole`."""
    _allowed(path, lambda: path.unlink(missing_ok=True))


def _allowed(path: Path, change: Callable[[], None]) -> None:
    try:
        patiently(change)
    except OSError as error:
        raise RunError(f"{path} must be writable; found: {error.strerror or error}; free space or allow it") from error


def read_if_there(path: Path) -> bytes | None:
    """The content of a file of a run, None if there is none; a search waits for storage that refuses.

    Raises:
        RunError: the file system refused.
    """
    try:
        return patiently(path.read_bytes, writes=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from error


def names_in(folder: Path) -> list[str]:
    """What is in a folder of a run, nothing if there is no such folder; as `read_if_there`.

    Not by `glob`: from Python 3.13 on it takes a folder that cannot be read for an empty one.
    """
    try:
        return patiently(lambda: [path.name for path in folder.iterdir()], writes=False)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(path: Path, error: OSError) -> RunError:
    return RunError(f"{path} must be readable; found: {error.strerror or error}; permit it")


def write_json(path: Path, value: Mapping[str, Any], *, aside: Path) -> None:
    """Write a JSON file, indented, whole or not at all; ValueError or TypeError if the value is not JSON."""
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    write_whole(path, lambda stream: stream.write(text.encode()), aside=aside)


def read_json(path: Path, *, remedy: str) -> dict[str, Any]:
    """Read a JSON object; RunError with the place of the damage and the remedy if it is not one."""
    try:
        value = json.loads(patiently(path.read_bytes, writes=False))
    except OSError as error:
        raise RunError(f"{path} must be readable; found: {error.strerror or error}; {remedy}") from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} must hold JSON; found: {error}; {remedy}") from error
    if not isinstance(value, dict):
        raise RunError(f"{path} must hold a JSON object; found {type(value).__name__}; {remedy}")
    return value
