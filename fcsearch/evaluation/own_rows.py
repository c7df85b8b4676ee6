"""Which of other rows trained a model, or chose it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fcsearch.data import load_dataset
from fcsearch.data.copies import row_keys
from fcsearch.errors import DataError, RunError
from fcsearch.evaluation.measuring import rows_of
from fcsearch.evaluation.run_dataset import MakeDataset, load_run_dataset
from fcsearch.results import RunDirectory
from fcsearch.selection import Member, forms_of

if TYPE_CHECKING:
    from fcsearch.data.others import OtherRows

# Features of a run's rows, above which they are not loaded to be compared: that would take minutes.
_MOST_VALUES = 100_000_000


@dataclasses.dataclass(frozen=True)
class OwnRows:
    """The rows that trained a model or chose it.

    Attributes:
        keys: (K,) A number for each different row, sorted.
        counts: (K,) How many rows are so.
        by_chance: (M,) Which of the test rows equal one of them.
    """

    keys: npt.NDArray[np.uint64]
    counts: npt.NDArray[np.int64]
    by_chance: npt.NDArray[np.bool_]

    def count(self, other: OtherRows) -> int:
        """How many of other rows equal these, as far as chance does not explain it.

        As many count as the run has of them. In a table of few categories new rows are often equal to known ones: how
        often, the run's test rows say. It is 0 if the others are not equal more often, unless all of the run's are
        among them. Without test rows it is 0 unless all of the run's are among them, and most of these differ from one
        another.
        """
        others = row_keys(other.rows)
        keys, counts = np.unique(others, return_counts=True)
        _, places, other_places = np.intersect1d(self.keys, keys, assume_unique=True, return_indices=True)
        own = int(np.minimum(self.counts[places], counts[other_places]).sum())
        total = self.counts.sum()
        if len(self.by_chance):
            most = _most_by_chance(len(others), self.by_chance)
            known = own == total or np.isin(others, self.keys).sum() > most
        else:
            known = own == total and len(self.keys) > total / 2
        return own if known else 0


def find_own_rows(run: RunDirectory, members: Sequence[Member], *, make: MakeDataset = load_dataset) -> OwnRows | None:
    """The rows that trained a model or chose it; None if they cannot be loaded any more, or are too many to compare.

    Rows are equal if all that the network reads of them is, and the label.

    Args:
        run: The run directory.
        members: The networks of the model.
        make: Makes the run's dataset, as in `load_run_dataset`.
    """
    described = run.manifest().dataset
    if described is None:
        return None
    sizes = described.rows
    count = sum(size or 0 for size in (sizes.train, sizes.val, sizes.test))
    if count * (described.input_dim or 0) > _MOST_VALUES:
        return None
    try:
        dataset = load_run_dataset(run, forms=forms_of(members), make=make)
    except (DataError, RunError):
        return None
    # Of folds, the training and validation rows of the first are those of all.
    seen = np.concatenate([row_keys(rows_of(members, dataset, name)) for name in ("train", "val")])
    keys, counts = np.unique(seen, return_counts=True)
    return OwnRows(keys, counts, np.isin(row_keys(rows_of(members, dataset, "test")), keys))


def _most_by_chance(rows: int, found: npt.NDArray[np.bool_]) -> float:
    """The most of some rows that equal known ones by chance: three standard errors above the expected number.

    Args:
        rows: How many rows.
        found: (M,) of new rows, at least one: which of them equal known ones.
    """
    if not found.any():
        return 0.0
    share = float(found.mean())
    share = min(1.0, share + 2 * math.sqrt(share * (1 - share) / len(found)))
    return rows * share + 3 * math.sqrt(rows * share * (1 - share))
