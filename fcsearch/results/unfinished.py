"""The rows of trials that were in training when their search ended: parts of their own in both tables.

`trials/unfinished-000012.parquet` and `epochs/unfinished-000012.parquet` have those of pack 12. Before one of these
trials gets another row, it is taken out of them: each file is replaced by one without it, and a file without rows stays
until the run is next opened for writing. So no reader sees a trial twice, or misses a file that it is about to open.
For a moment it may not see a trial at all, which is in training after all.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.results.parts import UNFINISHED_PARTS, Parts
from fcsearch.results.schema import EPOCHS, TRIALS

_NO_EPOCHS = EPOCHS.empty_table()


class Unfinished:
    """The unfinished trials of a run.

    Args:
        run: The run directory.
        aside: Where unfinished files are kept.

    Attributes:
        trial_parts: Their parts in `trials/`.
        epoch_parts: Their parts in `epochs/`.
    """

    def __init__(self, run: Path, *, aside: Path) -> None:
        self.trial_parts = Parts(run / "trials", TRIALS, aside=aside, kind=UNFINISHED_PARTS)
        self.epoch_parts = Parts(run / "epochs", EPOCHS, aside=aside, kind=UNFINISHED_PARTS)

    def trials(self) -> pa.Table:
        """Their rows, sorted by `trial_id`."""
        return self.trial_parts.read_all()

    def epochs(self) -> pa.Table:
        """Their epochs, sorted by `trial_id` and `epoch`."""
        trials = self.trials()
        return of_trials(self.epoch_parts.read(self.trial_parts.numbers()), trials) if len(trials) else _NO_EPOCHS

    def put(self, pack_id: int, trials: pa.Table, epochs: pa.Table) -> None:
        """Write the rows of a pack that was left; none of its trials is among those of other packs."""
        self.epoch_parts.write(pack_id, epochs)
        self.trial_parts.write(pack_id, trials)

    def drop(self, trial_ids: Collection[int]) -> None:
        """Take trials out, where they are: they have ended, or are written again."""
        ids = pa.array(trial_ids, pa.int64())
        there = self.trials()
        found = there.filter(pc.is_in(there["trial_id"], value_set=ids))
        for number in pc.unique(found["pack_id"]).to_pylist():
            # Rows before what they need.
            for parts in (self.trial_parts, self.epoch_parts):
                rows = parts.read([number])
                parts.write(number, rows.filter(pc.invert(pc.is_in(rows["trial_id"], value_set=ids))))

    def clear(self) -> None:
        """Remove files without rows, and epochs without their trials, which a crash has left; damaged files stay."""
        for number in self.epoch_parts.numbers() - self.trial_parts.numbers():
            self.epoch_parts.remove(number)
        both = (self.trial_parts, self.epoch_parts)
        for number in self.trial_parts.numbers():
            if any(parts.damage(number) is not None for parts in both):
                continue
            trials, epochs = (parts.read([number]) for parts in both)
            if not len(trials):
                for parts in both:
                    parts.remove(number)
            elif len(kept := of_trials(epochs, trials)) < len(epochs):
                self.epoch_parts.write(number, kept)


def of_trials(epochs: pa.Table, trials: pa.Table) -> pa.Table:
    """The epochs of trials that have a row."""
    return epochs.filter(pc.is_in(epochs["trial_id"], value_set=trials["trial_id"].combine_chunks()))
