"""The loop, on a pool in simulated time, where packs fail."""

from typing import Any

import pytest
from engine_helpers import RecordingView, Search, ids, train
from search_helpers import PLACE

from fcsearch.errors import SearchError
from fcsearch.search.pool.interface import CutShort, NodeLost, NotStarted, OutOfMemory, PackFailed, Raised, WorkerLost
from fcsearch.search.pool.messages import PackOutcome, PackTask, Progress
from fcsearch.search.pool.simulated import SimulatedPool


def poison(kind: type[PackFailed], *, until: int = 1000, trial: int = 5) -> Any:
    """Packs with this trial fail, so many times."""
    failures = iter(range(until))

    def answer(task: PackTask) -> PackOutcome | PackFailed:
        if trial in ids(task) and next(failures, None) is not None:
            return kind(task.pack_id, "RuntimeError: poison", "Traceback\nRuntimeError: poison")
        return train(task)

    return answer


@pytest.mark.parametrize("kind", [Raised, OutOfMemory])
def test_a_pack_that_fails_is_halved_until_the_trial_at_fault_is_alone(kind: type[PackFailed]) -> None:
    search = Search(poison(kind), total=8, size=8).run()
    assert search.handed == [[0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3], [4, 5, 6, 7], [4, 5], [4], [5], [5], [6, 7]]
    assert search.books.states == {**dict.fromkeys(range(8), "complete"), 5: "failed"}
    assert {row.trial_id: row.error for row in search.books.rows}[5] == "RuntimeError: poison"
    assert search.engine.first_error == "RuntimeError: poison"


@pytest.mark.parametrize(("kind", "tries"), [(Raised, 2), (OutOfMemory, 2), (WorkerLost, 5)])
def test_a_trial_that_fails_or_kills_its_worker_every_time_is_given_up(kind: type[PackFailed], tries: int) -> None:
    search = Search(poison(kind, trial=1), total=3, size=3).run()
    assert search.handed.count([1]) == tries
    assert search.books.states == {0: "complete", 1: "failed", 2: "complete"}


def test_a_worker_that_is_lost_a_few_times_is_no_failure_of_its_trial() -> None:
    """A laptop that sleeps, or a machine that is taken away: up to four times, and an error beside them."""
    kinds = iter((WorkerLost, WorkerLost, Raised, WorkerLost, WorkerLost))

    def answer(task: PackTask) -> PackOutcome | PackFailed:
        kind = next(kinds, None)
        return kind(task.pack_id, "gone") if kind else train(task)

    search = Search(answer, total=1, size=1).run()
    assert len(search.handed) == 6
    assert search.books.states == {0: "complete"}


def test_a_pack_whose_worker_is_lost_stays_together_once() -> None:
    search = Search(poison(WorkerLost, trial=1, until=2), total=4, size=4).run()
    assert search.handed == [[0, 1, 2, 3], [0, 1, 2, 3], [0, 1], [2, 3]]
    assert search.books.states == dict.fromkeys(range(4), "complete")


def test_a_pack_that_is_cut_short_is_tried_again_however_often_and_without_a_word() -> None:
    search = Search(poison(CutShort, trial=1, until=9), total=4, size=4).run()
    assert search.handed == [[0, 1, 2, 3]] * 10
    assert search.books.states == dict.fromkeys(range(4), "complete")
    assert isinstance(search.view, RecordingView)
    assert search.view.notices == []


def test_nodes_that_keep_dying_before_a_worker_starts_end_the_search() -> None:
    search = Search(lambda task: NodeLost(task.pack_id, "its node has died"), total=4, size=4)
    with pytest.raises(SearchError, match="a node must stay until its worker has started; 10 in a row died before"):
        search.run()
    assert search.handed == [[0, 1, 2, 3]] * 10


def test_workers_that_do_not_start_end_the_search_and_no_trial_is_to_blame() -> None:
    search = Search(lambda task: NotStarted(task.pack_id, "no such device"))
    with pytest.raises(SearchError, match="workers must be able to start; 3 in a row did not: no such device"):
        search.run()
    assert search.handed == [[0, 1, 2]] * 3
    assert search.books.rows == []


def test_a_start_that_fails_now_and_then_ends_nothing() -> None:
    starts = iter([False, False, True] * 10)

    def answer(task: PackTask) -> PackOutcome | PackFailed:
        return train(task) if next(starts) else NotStarted(task.pack_id, "no such device")

    assert len(Search(answer).run().books.states) == 12


def test_an_error_of_the_ledger_comes_out() -> None:
    search = Search()
    search.books.broken = OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        search.run()
    assert len(search.handed) < 4 or search.books.rows == []


def test_an_error_of_the_last_record_comes_out() -> None:
    search = Search(total=3)
    search.books.broken = OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        search.run()


def test_the_view_sees_the_packs_that_train_and_what_failed() -> None:
    class Pool(SimulatedPool):
        def wait(self, timeout: float) -> list[Any]:
            running = [Progress(task.pack_id, 1, 9, 2, PLACE) for _, _, task in self._running]
            return [*running, *super().wait(timeout)]

    search = Search(poison(Raised, trial=1), total=4, size=1, kind=Pool).run()
    view = search.view
    assert isinstance(view, RecordingView)
    assert view.notices == [
        "pack 1 failed, its trials are tried again: RuntimeError: poison",
        "pack 2 failed, its trial is given up: RuntimeError: poison",
    ]
    shown = [pack.pack_id for status in view.seen for pack in status.packs]
    assert sorted(set(shown)) == [0, 1, 2, 3, 4]
    last = search.tracker.status(None)
    assert (last.done, last.counts, last.total) == (4, {"complete": 3, "failed": 1}, 4)
    assert last.packs == ()
