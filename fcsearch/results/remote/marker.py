"""The hidden file that marks a folder as the local copy of a run at a URL."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from fcsearch.results import files
from fcsearch.results.remote.order import State, local_files

_FILE = ".remote.json"


class Marker(BaseModel):
    """What a local copy is of.

    Attributes:
        url: The run.
        writer: The id under which this copy last wrote the run at the URL; None for a copy that is only for reading.
        files: The tag of each file at the URL when both were last the same.
        states: Their states in the copy then; what an earlier version copied has none, and counts as changed.
        bytes: Total size of the files at the URL.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    url: str
    writer: str | None = None
    files: dict[str, str] = {}
    states: dict[str, State] = {}
    bytes: int | None = None


def read_marker(path: Path) -> Marker | None:
    """What the folder is a copy of; None if it is not a copy."""
    try:
        return Marker.model_validate_json((path / _FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def write_marker(path: Path, marker: Marker) -> None:
    """Write it into the copy; RunError if the file system refuses."""
    text = marker.model_dump_json().encode()
    files.write_whole(path / _FILE, lambda stream: stream.write(text), aside=path / files.ASIDE)


def remove_marker(path: Path) -> None:
    """Let a folder be no copy any more; OSError where the file system refuses."""
    (path / _FILE).unlink()


def unchanged(path: Path, marker: Marker, tags: Mapping[str, str]) -> dict[str, State]:
    """The files that have changed neither here nor at the URL (`tags`) since both were the same."""
    return {
        name: state
        for name, state in local_files(path).items()
        if state == marker.states.get(name) and tags.get(name) and tags[name] == marker.files.get(name)
    }


def address(path: Path) -> str:
    """Where a user finds a run: at its URL if it has one, else at its path."""
    marker = read_marker(path)
    return str(path) if marker is None else marker.url


def stored_bytes(path: Path) -> int | None:
    """The size of a run's files at its URL in bytes; None if its copy does not know."""
    marker = read_marker(path)
    return None if marker is None else marker.bytes
