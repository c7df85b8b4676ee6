"""Models of trials that were in training when their search ended, in words."""

from __future__ import annotations

import shlex
from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.config.states import UNFINISHED
from fcsearch.report.words import plural
from fcsearch.results import RunDirectory, remote
from fcsearch.results.arrow import Row
from fcsearch.wording import wording


def left_words(trials: pa.Table, of: Collection[int]) -> str | None:
    """That a model is of trials that were in training when their search ended; None if it is of none.

    Args:
        trials: The table of trials.
        of: The trials whose networks make the model.
    """
    rows = trials.filter(pc.is_in(trials["trial_id"], value_set=pa.array(of, pa.int64()))).to_pylist()
    left = [row for row in rows if row["state"] == UNFINISHED]
    if not left:
        return None
    if len(of) == 1:
        return f"trial {left[0]['trial_id']} {trained_so_far(left[0])} when its search ended"
    return f"{len(left)} of its {len(of)} trials were in training when their search ended"


def trained_so_far(row: Row) -> str:
    """How far a trial was trained: `had trained for 4 of 6 epochs`."""
    return f"had trained for {row['epochs_run']} of {plural(row['epochs'], 'epoch')}"


def unfinished_note(run: RunDirectory, of: Collection[int]) -> str | None:
    """The same as a note to whoever uses the model, with what to do about it."""
    if (words := left_words(run.trials(), of)) is None:
        return None
    command = shlex.join(["fcsearch", "resume", remote.address(run.path)])
    end = "it to its end" if len(of) == 1 else "them to their end"
    return words + wording().files(f": `{command}` trains {end}")
