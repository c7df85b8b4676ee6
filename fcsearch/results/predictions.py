"""What the best trials' networks predict for the rows that validate: one Parquet file a trial, for ensembles."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from fcsearch.errors import RunError
from fcsearch.results.arrow import with_origin
from fcsearch.results.files import make_folder, names_in, remove, write_whole
from fcsearch.results.manifest import Manifest
from fcsearch.results.patience import patiently
from fcsearch.results.schema import PREDICTIONS

_FILE = re.compile(r"trial-(\d+)\.parquet")
# The values inside the lists, as Parquet names them.
_LEAF = "prediction.list.element"
_REPEATED = ["trial_id", "fold", "run", "dataset"]

# (V, C): probabilities by class, or (V, 1) for a regression.
Predicted = npt.NDArray[np.float16]


class Predictions:
    """The folder of predictions; `trial-000012.parquet` holds those of trial 12 at its best epoch.

    Values are rounded to half precision and written as float32, which every reader knows; split by bytes they take no
    more room than halves do. With folds every row that validates is there, predicted by the network that did not see
    it.

    Args:
        folder: Where they lie.
        manifest: Says how many rows validate in each fold, and what the run is called.
        aside: Where files are written before they are whole.
    """

    def __init__(self, folder: Path, *, manifest: Callable[[], Manifest], aside: Path) -> None:
        self.folder = folder
        self._manifest = manifest
        self._aside = aside

    def save(self, trial_id: int, predicted: Predicted) -> None:
        """Write a trial's predictions, whole or not at all."""
        make_folder(self.folder)
        (rows, width), manifest = predicted.shape, self._manifest()
        offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * width)
        lists = pa.ListArray.from_arrays(offsets, pa.array(predicted.astype(np.float32).ravel()))
        values = {
            "trial_id": pa.array(np.full(rows, trial_id)),
            "row": pa.array(np.arange(rows, dtype=np.int32)),
            "prediction": lists,
            "fold": _folds(rows, manifest),
        }
        columns = [values.get(field.name, pa.nulls(rows, field.type)) for field in PREDICTIONS]
        table = with_origin(pa.Table.from_arrays(columns, schema=PREDICTIONS), manifest)
        write_whole(
            self._path(trial_id),
            lambda stream: pq.write_table(
                table, stream, compression="zstd", use_dictionary=_REPEATED, use_byte_stream_split=[_LEAF]
            ),
            aside=self._aside,
        )

    def load(self, trial_id: int) -> Predicted:
        """A trial's predictions; RunError if they were not kept or the file is damaged."""
        path = self._path(trial_id)
        try:
            table = patiently(lambda: pq.read_table(path, columns=["prediction"]), writes=False)
        except (OSError, pa.ArrowException) as error:
            raise _damaged(path, error) from error
        values: npt.NDArray[np.float32] = table["prediction"].combine_chunks().flatten().to_numpy()
        return values.reshape(len(table), -1).astype(np.float16)

    def rows(self, trial_id: int) -> int:
        """For how many rows a trial's predictions are; 0 if none were kept; RunError if the file is damaged."""
        path = self._path(trial_id)
        try:
            return int(patiently(lambda: pq.read_metadata(path), writes=False).num_rows)
        except FileNotFoundError:
            return 0
        except (OSError, pa.ArrowException) as error:
            raise _damaged(path, error) from error

    def saved(self) -> list[int]:
        """The trials that have predictions, in order."""
        return sorted(int(match[1]) for name in names_in(self.folder) if (match := _FILE.fullmatch(name)))

    def prune(self, keep: Collection[int]) -> None:
        """Remove the predictions of all other trials."""
        for trial_id in set(self.saved()) - set(keep):
            remove(self._path(trial_id))

    def _path(self, trial_id: int) -> Path:
        return self.folder / f"trial-{trial_id:06d}.parquet"


def _folds(rows: int, manifest: Manifest) -> pa.Array:
    """The fold of each row; null where they are the rows of one split."""
    sizes = [fold.val or 0 for fold in manifest.dataset.folds] if manifest.dataset else []
    if sum(sizes) != rows:
        return pa.nulls(rows, pa.int32())
    return pa.array(np.repeat(np.arange(1, len(sizes) + 1, dtype=np.int32), sizes))


def _damaged(path: Path, error: Exception) -> RunError:
    return RunError(f"{path} must be a whole Parquet file; found: {error}; remove it, and the ensemble does without it")
