"""The loop, on a pool in simulated time."""

import contextlib
import errno
import signal
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from engine_helpers import FakeBooks, RecordingView, Search, train
from search_helpers import outcome, result, trials

from fcsearch.errors import RunError, SearchError
from fcsearch.search.loop.engine import all_recorded
from fcsearch.search.loop.interruption import Interruption
from fcsearch.search.loop.recorder import Recorder
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.asha import Asha, Rungs
from fcsearch.search.pool.messages import PackOutcome, PackTask
from fcsearch.search.pool.simulated import SimulatedPool
from fcsearch.search.record.checkpoints import Checkpoints
from fcsearch.training import TrialConfig


def test_every_trial_is_handed_out_and_recorded_once() -> None:
    search = Search(total=14).run()
    assert [trial for pack in search.handed for trial in pack] == list(range(14))
    assert search.books.states == dict.fromkeys(range(14), "complete")


def test_the_order_of_events_with_one_worker_is_fixed() -> None:
    """Pack k+2 is asked for after pack k was told, and before pack k+1 is: at every speed of sampler and worker."""
    assert Search().run().books.events == [
        "ask 3",
        "ask 3",
        "record 0",
        "ask 3",
        "record 1",
        "ask 3",
        "record 2",
        "record 3",
    ]


def test_all_workers_get_a_pack_at_once_and_no_more() -> None:
    handed: list[tuple[float, int]] = []

    class Pool(SimulatedPool):
        def submit(self, task: PackTask) -> None:
            handed.append((self.clock(), len(task.trials)))
            super().submit(task)

    Search(total=100, kind=Pool, pool={"workers": 3, "seconds": lambda _: 10.0}).run()
    assert handed[:4] == [(0.0, 3), (0.0, 3), (0.0, 3), (10.0, 3)]


def test_a_worker_that_joins_late_gets_a_pack() -> None:
    def answer(task: PackTask) -> PackOutcome:
        search.pool.workers = 2
        return train(task)

    search = Search(answer, total=30, pool={"seconds": lambda _: 10.0})
    search.run()
    assert search.books.states == dict.fromkeys(range(30), "complete")
    # One worker alone would need 100.
    assert search.pool.clock() == 60.0


def test_a_checkpoint_that_waits_gives_way_to_a_newer_one_of_the_same_trials_alone() -> None:
    written: list[bytes] = []

    class Noting(Checkpoints):
        def __init__(self) -> None: ...

        def write(self, trials: Sequence[PlannedTrial], content: bytes, *, patient: bool = False) -> None:  # noqa: ARG002
            written.append(content)

    books, pack = FakeBooks(), trials(3)
    books.may_ask = threading.Semaphore(0)
    recorder = Recorder(books, Noting())
    # Until it may, all else waits.
    recorder.ask(1)
    for number, kept in enumerate((pack, pack, pack[:2])):
        recorder.keep(0, kept, bytes([number]))
    books.may_ask.release()
    recorder.shutdown()
    assert written == [bytes([1]), bytes([2])]


def test_trials_that_wait_go_first_with_their_configuration() -> None:
    search = Search(total=6, waiting=trials(4, learning_rate=0.5)).run()
    assert search.handed == [[0, 1], [2, 3], [4, 5]]
    assert [row.config.learning_rate for row in search.books.rows] == [0.5] * 4 + [TrialConfig().learning_rate] * 2


def test_rungs_and_threshold_come_along() -> None:
    seen = []

    def answer(task: PackTask) -> PackOutcome:
        seen.append((dict(task.rungs), task.weights_above))
        return train(task, 0.6)

    Search(answer, total=6, rungs=Rungs(Asha(2, 3), {2: (0.4,)})).run()
    assert seen == [({2: (0.4,)}, None), ({2: (0.4, 0.6, 0.6, 0.6)}, 0.6)]


def test_the_best_two_keep_their_models() -> None:
    accuracies = iter((0.5, 0.9, 0.2))
    search = Search(lambda task: train(task, next(accuracies)), total=9).run()
    assert search.books.saved == [([0, 1], [0, 1]), ([3, 4], [3, 4]), ([], [3, 4])]


def test_what_a_pack_held_is_let_go() -> None:
    seen: list[weakref.ref[PackTask]] = []

    def answer(task: PackTask) -> PackOutcome:
        assert sum(old() is not None for old in seen) <= 1
        seen.append(weakref.ref(task))
        return train(task)

    Search(answer).run()
    assert not any(old() for old in seen)


def left(task: PackTask) -> PackOutcome:
    """Of a pack that is left, the first trial came to an end."""
    return outcome(task.pack_id, {task.trials[0].trial_id: result(task.trials[0].config, [0.5])})


def nothing(task: PackTask) -> PackOutcome:
    return outcome(task.pack_id, {})


def interrupted(leave: Any, seconds: float, **keys: Any) -> tuple[Search, Interruption]:
    """The user interrupts once the first pack has ended."""
    stop = Interruption()

    def answer(task: PackTask) -> PackOutcome:
        stop.handle(signal.SIGINT, None)
        return train(task)

    pool = {"workers": 2, "leave": leave, "seconds": lambda task: 1.0 if task.pack_id == 0 else seconds}
    return Search(answer, stop=stop, pool=pool, **keys), stop


def test_an_interrupt_asks_packs_to_leave_and_records_what_came_to_an_end() -> None:
    search, _ = interrupted(left, 1000.0)
    search.run()
    assert search.engine.early_end.closing == "interrupt"
    assert sorted(search.books.states) == [0, 1, 2, 3]
    assert search.pool.clock() < 2


def test_an_empty_outcome_writes_nothing() -> None:
    search, _ = interrupted(nothing, 1000.0)
    search.run()
    assert [event for event in search.books.events if event.startswith("record")] == ["record 0"]


def test_packs_that_do_not_leave_are_abandoned_after_ten_seconds() -> None:
    search, _ = interrupted(None, 1000.0)
    search.run()
    assert search.engine.abandoned
    assert sorted(search.books.states) == [0, 1, 2]
    assert 11 < search.pool.clock() < 12


@pytest.mark.parametrize("full", [True, False])
def test_an_interrupt_ends_a_wait_for_storage_and_hides_no_other_error(full: bool, tmp_path: Path) -> None:
    search, _ = interrupted(nothing, 1000.0)
    search.books.broken = RunError("the run must be writable" if full else "the journal must have one writer")
    search.books.broken.__cause__ = OSError(errno.ENOSPC, "No space left on device") if full else None
    refused = contextlib.nullcontext() if full else pytest.raises(SearchError, match=r"one writer; then continue with")
    with refused, all_recorded(search.engine, search.recorder, search.tracker, search.view, tmp_path):
        search.run()
    assert search.engine.early_end.closing == "interrupt"
    assert isinstance(search.view, RecordingView)
    assert search.view.notices == (["the run must be writable"] if full else [])


def test_whatever_the_system_refuses_is_an_error_of_the_search(tmp_path: Path) -> None:
    search = Search(total=3)
    search.books.broken = OSError(errno.EMFILE, "Too many open files")
    with (
        pytest.raises(SearchError, match=r"Too many open files; then continue with `fcsearch resume "),
        all_recorded(search.engine, search.recorder, search.tracker, search.view, tmp_path),
    ):
        search.run()


def test_an_interrupt_before_the_first_pack_trains_nothing() -> None:
    stop = Interruption()
    stop.requested = True
    search = Search(stop=stop).run()
    assert (search.handed, search.engine.early_end.closing) == ([], "interrupt")


def test_the_time_budget_ends_a_search() -> None:
    search = Search(deadline=2.5, pool={"leave": left}).run()
    assert search.engine.early_end.closing == "time_budget"
    assert len(search.books.states) == 7


def test_a_time_budget_that_the_start_used_up_leaves_time_for_a_first_result() -> None:
    assert len(Search(deadline=0.5, grace=0.2, pool={"leave": nothing}).run().books.states) == 0
    search = Search(deadline=0.5, grace=50.0, pool={"leave": nothing}).run()
    assert search.engine.early_end.closing == "time_budget"
    assert 0 < len(search.books.states) < 12


def test_a_simulated_search_is_the_same_every_time() -> None:
    def seconds(task: PackTask) -> float:
        return (task.pack_id * 7919 % 13) + 1.0

    first, again = (Search(total=60, pool={"workers": 4, "seconds": seconds}).run() for _ in range(2))
    assert first.handed == again.handed
    assert first.pool.clock() == again.pool.clock()
