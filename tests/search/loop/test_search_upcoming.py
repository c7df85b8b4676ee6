"""A checkpoint that cannot be read for a while holds up its own pack alone."""

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from engine_helpers import Search, train
from search_helpers import trials

from fcsearch.results.patience import Patience, patient, patiently
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.messages import Checkpointing, PackOutcome, PackTask
from fcsearch.search.record.checkpoints import Checkpoints


class Kept(Checkpoints):
    """One checkpoint, of a trial, in a file that its storage does not give at once.

    Args:
        trial: The trial.
        given: Whether it can be read now.
    """

    def __init__(self, trial: int, given: Callable[[], bool]) -> None:
        self.rule = Checkpointing(every=0, bytes_per_second=1e12, key="rows")
        self._trial, self._given = trial, given

    def keeps(self, trials: Sequence[PlannedTrial]) -> bool:
        return any(trial.trial_id == self._trial for trial in trials)

    def content(self, trials: Sequence[PlannedTrial]) -> bytes | None:
        def read() -> bytes:
            if not self._given():
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return b"kept"

        return patiently(read, writes=False) if self.keeps(trials) else None


def search_with(seconds: float, given: Callable[[Search], bool]) -> tuple[Search, list[str]]:
    """Six trials in packs of one, for two workers; that of trial 1 goes on from a checkpoint."""
    handed: list[str] = []

    def answer(task: PackTask) -> PackOutcome:
        handed.append(f"{task.trials[0].trial_id}{' goes on' if task.checkpoint else ''}")
        return train(task)

    search = Search(
        answer,
        total=6,
        size=1,
        waiting=trials(2),
        pool={"workers": 2},
        checkpoints=Kept(1, lambda: given(search)),
    )
    with patient(Patience(Path("run"), search.view.notice, lambda: False, seconds=seconds, again=0.01)):
        search.run()
    return search, handed


def test_other_packs_are_recorded_while_a_checkpoint_cannot_be_read() -> None:
    search, handed = search_with(20, lambda search: "record 0" in search.books.events)
    assert handed == ["0", "1 goes on", "2", "3", "4", "5"]
    assert search.books.states == dict.fromkeys(range(6), "complete")


def test_one_that_cannot_be_read_to_the_end_ends_the_search_with_what_was_recorded() -> None:
    records: list[str] = []

    def given(search: Search) -> bool:
        records.extend(search.books.events)
        return False

    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        search_with(0.5, given)
    assert "record 0" in records
