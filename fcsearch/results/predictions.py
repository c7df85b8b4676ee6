"""What the best trials' networks predict for the validation rows: one Parquet file a trial, for ensembles."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from fcsearch.errors import RunError
from fcsearch.results.files import write_whole
from fcsearch.results.schema import PREDICTIONS

_FILE = re.compile(r"trial-(\d+)\.parquet")
# The values inside the lists, as Parquet names them.
_LEAF = "prediction.list.element"

# (V, C): probabilities by class, or (V, 1) for a regression.
Predicted = npt.NDArray[np.float16]


class Predictions:
    """The folder of predictions; `trial-000012.parquet` holds those of trial 12 at its best epoch.

    Values are rounded to half precision and written as float32, which every reader knows; split by bytes they take no
    more room than halves do.
    """

    def __init__(self, folder: Path, *, aside: Path) -> None:
        self.folder = folder
        self._aside = aside

    def save(self, trial_id: int, predicted: Predicted) -> None:
        """Write a trial's predictions, whole or not at all."""
        self.folder.mkdir(exist_ok=True)
        rows, width = predicted.shape
        offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * width)
        lists = pa.ListArray.from_arrays(offsets, pa.array(predicted.astype(np.float32).ravel()))
        columns = [pa.array(np.full(rows, trial_id)), pa.array(np.arange(rows, dtype=np.int32)), lists]
        table = pa.Table.from_arrays(columns, schema=PREDICTIONS)
        write_whole(
            self._path(trial_id),
            lambda stream: pq.write_table(
                table, stream, compression="zstd", use_dictionary=["trial_id"], use_byte_stream_split=[_LEAF]
            ),
            aside=self._aside,
        )

    def load(self, trial_id: int) -> Predicted:
        """A trial's predictions; RunError if they were not kept or the file is damaged."""
        path = self._path(trial_id)
        try:
            table = pq.read_table(path, columns=["prediction"])
        except (OSError, pa.ArrowException) as error:
            raise RunError(
                f"{path} must be a whole Parquet file; found: {error}; remove it, and the ensemble does without it"
            ) from error
        values: npt.NDArray[np.float32] = table["prediction"].combine_chunks().flatten().to_numpy()
        return values.reshape(len(table), -1).astype(np.float16)

    def saved(self) -> list[int]:
        """The trials that have predictions, in order."""
        return sorted(int(match[1]) for path in self.folder.glob("*") if (match := _FILE.fullmatch(path.name)))

    def prune(self, keep: Collection[int]) -> None:
        """Remove the predictions of all other trials."""
        for trial_id in set(self.saved()) - set(keep):
            self._path(trial_id).unlink(missing_ok=True)

    def _path(self, trial_id: int) -> Path:
        return self.folder / f"trial-{trial_id:06d}.parquet"
