"""A folder of Parquet parts, one per pack: a table of a run, which grows while others read it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from fcsearch.errors import RunError
from fcsearch.results.files import write_whole
from fcsearch.results.upgrade import to_current

_PART = re.compile(r"pack-(\d+)\.parquet")
_EMPTY = "empty.parquet"
# Each page has a checksum, so that a flipped bit is an error, not a different number.
_FORMAT = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
)


class Parts:
    """The parts of one table: `pack-000012.parquet` holds the rows of pack 12.

    Args:
        folder: The table's folder.
        schema: The table's schema.
        aside: Where unfinished files are kept.

    Attributes:
        older: Whether an earlier version wrote the parts, with other columns.
    """

    def __init__(self, folder: Path, schema: pa.Schema, *, aside: Path) -> None:
        self.folder = folder
        self.schema = schema
        self._aside = aside
        self.older = False

    def create(self) -> None:
        """Make the folder, with a part without rows: it gives readers the columns before the first pack is done."""
        self.folder.mkdir(exist_ok=True)
        self._write(self.folder / _EMPTY, self.schema.empty_table())

    def write(self, pack_id: int, table: pa.Table) -> None:
        """Add the pack's part, or replace it: the part appears whole, and is on the disk on return."""
        self._write(self.path(pack_id), table)

    def remove(self, pack_id: int) -> None:
        """Remove the pack's part."""
        self.path(pack_id).unlink(missing_ok=True)

    def pack_ids(self) -> set[int]:
        """The packs that have a part."""
        return {int(match[1]) for path in self.folder.glob("pack-*.parquet") if (match := _PART.fullmatch(path.name))}

    def read(self, pack_ids: Iterable[int], *, columns: list[str] | None = None) -> pa.Table:
        """The rows of those packs, sorted by the table's key columns.

        Raises:
            RunError: a part that cannot be read.
        """
        paths = [str(self.path(pack_id)) for pack_id in sorted(pack_ids)]
        try:
            table = self._read_older(paths, columns) if self.older else self._read(paths, columns)
        except (OSError, pa.ArrowException) as error:
            raise self._named(pack_ids, error) from error
        keys = [(name, "ascending") for name in ("trial_id", "seed", "epoch") if name in table.column_names]
        return table.sort_by(keys) if keys and len(table) else table

    def path(self, pack_id: int) -> Path:
        """Where the pack's part is."""
        return self.folder / f"pack-{pack_id:06d}.parquet"

    def damage(self, pack_id: int) -> str | None:
        """The damage to the pack's part; None if it exists and is whole.

        Raises:
            RunError: the file system does not let it be read.
        """
        return self._damage(self.path(pack_id))

    def restore_empty(self) -> None:
        """Write the folder and the part without rows again, if they are missing or damaged."""
        if self._damage(self.folder / _EMPTY) is not None:
            self.create()

    def _damage(self, path: Path) -> str | None:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return "it is missing"
        except OSError as error:
            raise RunError(f"{path} must be readable; found: {error.strerror or error}") from error
        try:
            table = pq.read_table(pa.BufferReader(content), page_checksum_verification=True)
            if self.older:
                to_current(table, self.schema)
            elif strange := set(table.column_names) - set(self.schema.names):
                return f"it has a column {min(strange)!r}"
        except (OSError, pa.ArrowException) as error:
            return str(error).splitlines()[0]
        return None

    def _named(self, pack_ids: Iterable[int], error: Exception) -> RunError:
        """The error of parts that cannot be read, which names the first of them."""
        for pack_id in sorted(pack_ids):
            if (found := self.damage(pack_id)) is not None:
                return RunError(
                    f"{self.path(pack_id)} must be a whole Parquet file; found: {found}; `fcsearch resume "
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
