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

_PART = re.compile(r"pack-(\d+)\.parquet")


class Parts:
    """The parts of one table: `pack-000012.parquet` holds the rows of pack 12.

    Args:
        folder: The table's folder.
        schema: The table's schema.
        aside: Where unfinished files are kept.
    """

    def __init__(self, folder: Path, schema: pa.Schema, *, aside: Path) -> None:
        self.folder = folder
        self.schema = schema
        self._aside = aside

    def create(self) -> None:
        """Make the folder, with a part of no rows: it gives readers the columns before the first pack is done."""
        self.folder.mkdir()
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
            table = ds.dataset(paths, schema=self.schema, format="parquet").to_table(columns=columns)
        except (OSError, pa.ArrowException) as error:
            raise RunError(
                f"the files in {self.folder} must be whole Parquet files; found: {error}; move the named file out of "
                "the folder, and `fcsearch resume` trains its trials again"
            ) from error
        keys = [(name, "ascending") for name in ("trial_id", "epoch") if name in table.column_names]
        return table.sort_by(keys) if keys and len(table) else table

    def _path(self, pack_id: int) -> Path:
        return self.folder / f"pack-{pack_id:06d}.parquet"

    def _write(self, path: Path, table: pa.Table) -> None:
        write_whole(path, lambda stream: pq.write_table(table, stream, compression="zstd"), aside=self._aside)
