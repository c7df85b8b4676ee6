"""What a model lacks because its search ended early, in words: trainings to their end, and refits."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.config.states import UNFINISHED
from fcsearch.report.words import plural, trial_list
from fcsearch.results import RunDirectory, remote
from fcsearch.results.arrow import Row
from fcsearch.selection import diverged_refits, lacks_refits
from fcsearch.wording import wording

# Of an ensemble, where there are folds.
NOT_FITTED = (
    "not all its networks were fitted again, so it consists of those of the first fold, which learned from fewer rows"
)


def lacking_words(run: RunDirectory, of: Collection[int]) -> list[str]:
    """What a model lacks, and whether `fcsearch resume` makes it good, without a path; nothing of most models.

    Args:
        run: The run directory.
        of: The trials whose networks make the model.
    """
    return [words + (": `fcsearch resume` on that run goes on" if then else "") for words, then in _lacks(run, of)]


def lacking_notes(run: RunDirectory, of: Collection[int]) -> list[str]:
    """The same as notes to whoever uses the model, with what to do about it."""
    command = shlex.join(["fcsearch", "resume", remote.address(run.path)])
    return [words + (wording().files(f": `{command}` {then}") if then else "") for words, then in _lacks(run, of)]


def diverged_words(trials: Sequence[int]) -> str:
    """That an ensemble does without refits, as these of its trials diverged in theirs."""
    return (
        f"{trial_list(trials)} diverged when fitted again, so it consists of the networks of the first fold, which "
        "learned from fewer rows"
    )


def trained_so_far(row: Row) -> str:
    """How far a trial was trained: `had trained for 4 of 6 epochs`."""
    return f"had trained for {row['epochs_run']} of {plural(row['epochs'], 'epoch')}"


def _lacks(run: RunDirectory, of: Collection[int]) -> Iterator[tuple[str, str | None]]:
    """What it lacks, and what `fcsearch resume` does about it; None: nothing."""
    trials = run.trials()
    rows = trials.filter(pc.is_in(trials["trial_id"], value_set=pa.array(of, pa.int64()))).to_pylist()
    left = [row for row in rows if row["state"] == UNFINISHED]
    if left and len(of) == 1:
        yield f"trial {left[0]['trial_id']} {trained_so_far(left[0])} when its search ended", "trains it to its end"
    elif left:
        were = f"{len(left)} of its {len(of)} trials were in training when their search ended"
        yield were, "trains them to their end"
    described = run.manifest().dataset
    if len(of) < 2 or described is None or not described.folds:
        return
    if lost := diverged_refits(run, of):
        yield diverged_words(lost), None
    elif lacks_refits(run):
        yield NOT_FITTED, "fits them again"
