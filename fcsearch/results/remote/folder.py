"""A folder at a URL, read and written by fsspec: on S3, or any other storage that fsspec has a library for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from fcsearch.errors import RunError, UsageError

# The facts by which storages tell versions of a file apart.
_TAGS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "updated", "created")
_LOCAL = ("file", "local")


class RemoteFolder:
    """The files of a folder at a URL, by their names in it, such as `trials/pack-000001.parquet`.

    Every method raises RunError if the storage refuses or cannot be reached.

    Args:
        url: The folder; need not exist.

    Raises:
        UsageError: fsspec does not know such URLs, or the library for them is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        scheme = url.partition("://")[0]
        options: dict[str, Any] = {"auto_mkdir": True} if scheme in _LOCAL else {}
        try:
            import fsspec

            self._files, root = fsspec.core.url_to_fs(url, use_listings_cache=False, **options)
        except ImportError as error:
            extra = ' (`pip install "fcsearch[s3]"`)' if scheme in ("s3", "s3a") else ""
            raise UsageError(
                f"{scheme}:// needs a library that is not installed: {error}; install it{extra}"
            ) from error
        except ValueError as error:
            raise UsageError(
                f"a URL must be one that fsspec knows, such as s3://bucket/runs; found {url}: {error}"
            ) from error
        self._root = str(root).rstrip("/")

    def files(self) -> dict[str, tuple[str, int]]:
        """All files, each with a tag that changes with its content, and its bytes; none if there is no folder."""
        with self._asked("list"):
            found = self._files.find(self._root, detail=True)
        return {
            self._name(path): (next((str(info[key]) for key in _TAGS if key in info), ""), int(info["size"] or 0))
            for path, info in found.items()
        }

    def folders(self) -> list[str]:
        """The names of the folders in it."""
        with self._asked("list"):
            try:
                found = self._files.ls(self._root, detail=True)
            except FileNotFoundError:
                return []
        return [PurePosixPath(entry["name"]).name for entry in found if entry["type"] == "directory"]

    def read(self, name: str) -> bytes | None:
        """A small file; None if there is none."""
        with self._asked("read"):
            try:
                content: bytes = self._files.cat_file(self._path(name))
            except FileNotFoundError:
                return None
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write a small file; replaces what is there."""
        with self._asked("write"):
            self._files.pipe_file(self._path(name), content)

    def upload(self, path: Path, name: str) -> None:
        """Copy a file of this machine; FileNotFoundError if it is gone."""
        path.stat()
        with self._asked("write"):
            self._files.put_file(str(path), self._path(name))

    def download(self, name: str, path: Path) -> bool:
        """Copy a file to this machine; False if it is gone."""
        with self._asked("read"):
            try:
                self._files.get_file(self._path(name), str(path))
            except FileNotFoundError:
                return False
        return True

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self._asked("remove"):
            try:
                self._files.rm_file(self._path(name))
            except FileNotFoundError:
                return

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _name(self, path: str) -> str:
        return str(PurePosixPath(path).relative_to(PurePosixPath(self._root)))

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        # Each library has errors of its own.
        try:
            yield
        except Exception as error:
            found = (str(error).splitlines() or [""])[0] or type(error).__name__
            raise RunError(
                f"{self.url} must be a place that can be reached, and that lets you {what}; found: {found}; check the "
                "bucket, the credentials and the network"
            ) from error
