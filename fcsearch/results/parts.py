"""A folder of Parquet parts: the form in which a run keeps a table that grows while others read it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from fcsearch.errors import RunError
from fcsearch.results.files import make_folder, names_in, remove, write_whole
from fcsearch.results.patience import patiently
from fcsearch.results.upgrade import to_current

_EMPTY = "empty.parquet"
# How the files of parts are called, before their number.
PACKS, UNFINISHED_PARTS = "pack", "unfinished"

# A file as it was: its number in the file system, its size, and when it was written. What replaces it has another.
Stamp = tuple[int, int, int]
# Each page has a checksum, so that a flipped bit is an error, not a different number.
_FORMAT = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
)


class Parts:
    """The parts of one table: `pack-000012.parquet` was begun with the rows of pack 12, and may hold later packs' too.

    Args:
        folder: The table's folder.
        schema: The table's schema.
        aside: Where unfinished files are kept.
        kind: How the files are called, before their number.

    Attributes:
        older: Whether an earlier version wrote the parts, with other columns.
    """

    def __init__(self, folder: Path, schema: pa.Schema, *, aside: Path, kind: str = PACKS) -> None:
        self.folder = folder
        self._kind = kind
        self._name = re.compile(rf"{kind}-(\d+)\.parquet")
        self.schema = schema
        self._aside = aside
        self._all: tuple[dict[int, Stamp], pa.Table] | None = None
        self.older = False

    def create(self) -> None:
        """Make the folder, with a part without rows: it gives readers the columns before the first pack is done."""
        make_folder(self.folder)
        self._write(self.folder / _EMPTY, self.schema.empty_table())

    def write(self, number: int, table: pa.Table) -> None:
        """Add a part, or replace it: the part appears whole, and is on the disk on return."""
        self._write(self.path(number), table)

    def replace(self, number: int, table: pa.Table, *, keys: Sequence[str]) -> None:
        """Add a part in place of the rows of other parts with the same keys, which go first."""
        new = set(zip(*(table[key].to_pylist() for key in keys), strict=True))
        for other in self.numbers():
            rows = self.read([other])
            stays = [key not in new for key in zip(*(rows[key].to_pylist() for key in keys), strict=True)]
            if not all(stays):
                self.write(other, rows.filter(pa.array(stays)))
        self.write(number, table)

    def remove(self, number: int) -> None:
        """Remove a part."""
        remove(self.path(number))

    def stamp(self, number: int) -> Stamp:
        """The part's file as it is now; zeros where there is none."""
        try:
            found = self.path(number).stat()
        except OSError:
            return 0, 0, 0
        return found.st_ino, found.st_size, found.st_mtime_ns

    def stamps(self) -> dict[int, Stamp]:
        """All parts, and how they are now."""
        return {number: self.stamp(number) for number in self.numbers()}

    def numbers(self) -> set[int]:
        """The numbers of the parts, by which they are named; RunError if the folder cannot be read."""
        return {int(match[1]) for name in names_in(self.folder) if (match := self._name.fullmatch(name))}

    def read_all(self) -> pa.Table:
        """The rows of all parts, as `read` gives them; kept until a part changes, because each takes milliseconds."""
        # Before the parts are read: one that changes meanwhile is read again by the next call.
        stamps = self.stamps()
        if not stamps:
            return self.schema.empty_table()
        if self._all is None or self._all[0] != stamps:
            self._all = stamps, self.read(stamps)
        return self._all[1]

    def read(self, numbers: Collection[int], *, columns: list[str] | None = None) -> pa.Table:
        """The rows of those parts, sorted by the table's key columns.

        Raises:
            RunError: a part that cannot be read.
        """
        paths = [str(self.path(number)) for number in sorted(numbers)]
        try:
            read = self._read_older if self.older else self._read
            table = patiently(lambda: read(paths, columns), writes=False)
        except (OSError, pa.ArrowException) as error:
            raise self._named(numbers, error) from error
        keys = [(name, "ascending") for name in ("trial_id", "seed", "epoch") if name in table.column_names]
        return table.sort_by(keys) if keys and len(table) else table

    def path(self, number: int) -> Path:
        """Where the part is."""
        return self.folder / f"{self._kind}-{number:06d}.parquet"

    def damage(self, number: int) -> str | None:
        """What is wrong with the part; None if it is there and whole.

        Raises:
            RunError: the file system does not let it be read.
        """
        return self._damage(self.path(number))

    def restore_empty(self) -> None:
        """Write the folder and the part without rows again, if they are missing or damaged."""
        if self._damage(self.folder / _EMPTY) is not None:
            self.create()

    def _damage(self, path: Path) -> str | None:
        try:
            content = patiently(path.read_bytes, writes=False)
        except FileNotFoundError:
            return "it is missing"
        except OSError as error:
            raise RunError(f"{path} must be readable; found: {error.strerror or error}") from error
        try:
            # In this thread: a dataset's threads may let go of these bytes while Python ends, which aborts the process.
            with pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True) as file:
                table = file.read(use_threads=False)
            if self.older:
                to_current(table, self.schema)
            elif strange := set(table.column_names) - set(self.schema.names):
                return f"it has a column {min(strange)!r}"
        except (OSError, pa.ArrowException) as error:
            return str(error).splitlines()[0]
        return None

    def _named(self, numbers: Collection[int], error: Exception) -> RunError:
        """The error of parts that cannot be read, which names the first of them."""
        for number in sorted(numbers):
            if (found := self.damage(number)) is not None:
                return RunError(
                    f"{self.path(number)} must be a whole Parquet file; found: {found}; `fcsearch resume "
                    f"{self.folder.parent}` sets it aside and trains its trials again"
                )
        return RunError(f"the files in {self.folder} must be whole Parquet files; found: {error}")

    def upgrade(self) -> None:
        """Write the parts of an earlier version again, in the columns of today."""
        for path in self.folder.glob("*.parquet"):
            self._write(path, to_current(pq.read_table(path), self.schema))
        self.older = False

    def _read(self, paths: list[str], columns: list[str] | None) -> pa.Table:
        return ds.dataset(paths, schema=self.schema, format=_FORMAT).to_table(columns=columns)

    def _read_older(self, paths: list[str], columns: list[str] | None) -> pa.Table:
        parts = [to_current(pq.read_table(path), self.schema) for path in paths]
        table = pa.concat_tables([self.schema.empty_table(), *parts])
        return table if columns is None else table.select(columns)

    def _write(self, path: Path, table: pa.Table) -> None:
        write_whole(
            path,
            lambda stream: pq.write_table(table, stream, compression="zstd", write_page_checksum=True),
            aside=self._aside,
        )
