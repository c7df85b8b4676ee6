"""While a checkpoint cannot be read, other packs are recorded; nothing is lost, and none is waited for in vain."""

import errno
import os
import threading
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


def search_with(
    seconds: float, given: Callable[[Search], bool], *, total: int = 6, before: int = 2, kept: int = 1
) -> tuple[Search, list[str]]:
    """Trials in packs of one, for two workers; some were begun before, of which one goes on from a checkpoint."""
    handed: list[str] = []

    def answer(task: PackTask) -> PackOutcome:
        handed.append(f"{task.trials[0].trial_id}{' goes on' if task.checkpoint else ''}")
        return train(task)

    search = Search(
        answer,
        total=total,
        size=1,
        waiting=trials(before),
        pool={"workers": 2},
        checkpoints=Kept(kept, lambda: given(search)),
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


def test_a_search_is_not_over_while_its_last_pack_waits_for_its_checkpoint() -> None:
    tries: list[None] = []

    def given(_: Search) -> bool:
        tries.append(None)
        return len(tries) > 20

    search, handed = search_with(20, given, total=1, before=1, kept=0)
    assert handed == ["0 goes on"]
    assert search.books.states == {0: "complete"}


def test_a_search_that_ends_waits_for_no_checkpoint() -> None:
    def given(search: Search) -> bool:
        search.stop.request()
        return False

    search, handed = search_with(60, given, total=1, before=1, kept=0)
    assert handed == []
    assert search.books.states == {}
    for thread in threading.enumerate():
        if thread.name == "checkpoint":
            thread.join(20)
            assert not thread.is_alive()
