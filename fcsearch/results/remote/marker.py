"""The hidden file by which a folder is known as the local copy of a run at a URL."""

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
        writer: By what the run at the URL knows that this copy was its last writer; None for a copy that only reads.
        files: What was at the URL when both were last the same: each file's tag.
        bytes: What the files at the URL take.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    url: str
    writer: str | None = None
    files: dict[str, str] = {}
    bytes: int | None = None


def read_marker(path: Path) -> Marker | None:
    """What the folder is a copy of; None if it is none."""
    try:
        return Marker.model_validate_json((path / _FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def write_marker(path: Path, marker: Marker) -> None:
    """Write it; RunError where the file system refuses."""
    text = marker.model_dump_json()
    files.write_whole(path / _FILE, lambda stream: stream.write(text.encode()), aside=path / files.ASIDE)


def remove_marker(path: Path) -> None:
    """Let a folder be no copy any more; OSError where the file system refuses."""
    (path / _FILE).unlink()


def unchanged(path: Path, marker: Marker, tags: Mapping[str, str]) -> dict[str, State]:
    """The files that are, here and at the URL (each with its tag), what they were when both were the same."""
    since = (path / _FILE).stat().st_mtime_ns
    return {
        name: state
        for name, state in local_files(path).items()
        if state[1] < since and tags.get(name) and tags[name] == marker.files.get(name)
    }


def address(path: Path) -> str:
    """By what a user finds a run on any machine: its URL if it has one, else its path."""
    marker = read_marker(path)
    return str(path) if marker is None else marker.url


def stored_bytes(path: Path) -> int | None:
    """What a run's files take at its URL, as far as its copy knows."""
    marker = read_marker(path)
    return None if marker is None else marker.bytes
