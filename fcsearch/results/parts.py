"""A folder of Parquet parts, one a pack: the form in which a run keeps a table that grows while others read it."""

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


class Parts:
    """The parts of one table: `pack-000012.parquet` holds the rows of pack 12.

    Args:
        folder: The table's folder.
        schema: The table's schema.
        aside: Where unfinished files are kept.

    Attributes:
        older: Whether an earlier version wrote the parts, in other columns.
    """

    def __init__(self, folder: Path, schema: pa.Schema, *, aside: Path) -> None:
        self.folder = folder
        self.schema = schema
        self._aside = aside
        self.older = False

    def create(self) -> None:
        """Make the folder, with a part of no rows: it gives readers the columns before the first pack is done."""
        self.folder.mkdir(exist_ok=True)
        self._write(self.folder / "empty.parquet", self.schema.empty_table())

    def write(self, pack_id: int, table: pa.Table) -> None:
        """Add the pack's part, or replace it: the part appears whole, and is on the disk on return."""
        self._write(self._path(pack_id), table)

    def remove(self, pack_id: int) -> None:
        """Remove the pack's part."""
        self._path(pack_id).unlink(missing_ok=True)

    def pack_ids(self) -> set[int]:
        """The packs that have a part."""
        return {int(match[1]) for path in self.folder.glob("pack-*.parquet") if (match := _PART.fullmatch(path.name))}

    def read(self, pack_ids: Iterable[int], *, columns: list[str] | None = None) -> pa.Table:
        """The rows of those packs, sorted by the table's key columns.

        Raises:
            RunError: a part that cannot be read.
        """
        paths = [str(self._path(pack_id)) for pack_id in sorted(pack_ids)]
        try:
            table = self._read_older(paths, columns) if self.older else self._read(paths, columns)
        except (OSError, pa.ArrowException) as error:
            raise RunError(
                f"the files in {self.folder} must be whole Parquet files; found: {error}; move the named file out of "
                "the folder, and `fcsearch resume` trains its trials again"
            ) from error
        keys = [(name, "ascending") for name in ("trial_id", "seed", "epoch") if name in table.column_names]
        return table.sort_by(keys) if keys and len(table) else table

    def upgrade(self) -> None:
        """Write the parts of an earlier version anew, in the columns of today."""
        for path in self.folder.glob("*.parquet"):
            self._write(path, to_current(pq.read_table(path), self.schema))
        self.older = False

    def _read(self, paths: list[str], columns: list[str] | None) -> pa.Table:
        return ds.dataset(paths, schema=self.schema, format="parquet").to_table(columns=columns)

    def _read_older(self, paths: list[str], columns: list[str] | None) -> pa.Table:
        parts = [to_current(pq.read_table(path), self.schema) for path in paths]
        table = pa.concat_tables([self.schema.empty_table(), *parts])
        return table if columns is None else table.select(columns)

    def _path(self, pack_id: int) -> Path:
        return self.folder / f"pack-{pack_id:06d}.parquet"

    def _write(self, path: Path, table: pa.Table) -> None:
        write_whole(path, lambda stream: pq.write_table(table, stream, compression="zstd"), aside=self._aside)
