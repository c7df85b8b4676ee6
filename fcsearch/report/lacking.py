"""What a model lacks because its search ended early, in words: trainings to their end, and refits."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.config.states import UNFINISHED
from fcsearch.report.words import plural
from fcsearch.results import RunDirectory, remote
from fcsearch.results.arrow import Row
from fcsearch.selection import lacks_refits
from fcsearch.wording import wording

# Of an ensemble, where there are folds.
NOT_FITTED = (
    "not all its networks were fitted again, so it consists of those of the first fold, which learned from fewer rows"
)


def lacking_words(run: RunDirectory, of: Collection[int]) -> list[str]:
    """What a model lacks that `fcsearch resume` makes good; nothing of most models.

    Args:
        run: The run directory.
        of: The trials whose networks make the model.
    """
    return [words for words, _ in _lacks(run, of)]


def lacking_notes(run: RunDirectory, of: Collection[int]) -> list[str]:
    """The same as notes to whoever uses the model, with what to do about it."""
    command = shlex.join(["fcsearch", "resume", remote.address(run.path)])
    return [words + wording().files(f": `{command}` {then}") for words, then in _lacks(run, of)]


def trained_so_far(row: Row) -> str:
    """How far a trial was trained: `had trained for 4 of 6 epochs`."""
    return f"had trained for {row['epochs_run']} of {plural(row['epochs'], 'epoch')}"


def _lacks(run: RunDirectory, of: Collection[int]) -> Iterator[tuple[str, str]]:
    """What it lacks, and what `fcsearch resume` does about it."""
    trials = run.trials()
    rows = trials.filter(pc.is_in(trials["trial_id"], value_set=pa.array(of, pa.int64()))).to_pylist()
    left = [row for row in rows if row["state"] == UNFINISHED]
    if left and len(of) == 1:
        yield f"trial {left[0]['trial_id']} {trained_so_far(left[0])} when its search ended", "trains it to its end"
    elif left:
        were = f"{len(left)} of its {len(of)} trials were in training when their search ended"
        yield were, "trains them to their end"
    if len(of) > 1 and lacks_refits(run):
        yield NOT_FITTED, "fits them again"
