"""URLs of runs, and the folders of their local copies."""

from __future__ import annotations

from pathlib import Path

from fcsearch.data.sources.download import cache_folder
from fcsearch.errors import UsageError
from fcsearch.urls import URL


def within(url: str, name: str) -> str:
    """The URL of something in a folder."""
    return f"{url.rstrip('/')}/{name}"


def local_copy(url: str) -> Path:
    """The folder on this machine for the copy of a run; UsageError if the URL names no folder."""
    match = URL.fullmatch(url)
    parts = [part for part in match[2].split("/") if part] if match else []
    if match is None or not parts or any(part in (".", "..") or not part.isprintable() for part in parts):
        raise UsageError(f"a run's URL must be like s3://bucket/runs/digits, without . and ..; found {url!r}")
    return cache_folder().joinpath("runs", match[1], *parts)
