from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayTaskError
from search_helpers import outcome, result, trials

from fcsearch.errors import SearchError
from fcsearch.search.loop.dispatcher import Dispatcher, Failure, cause_of
from fcsearch.search.loop.standings import Standings
from fcsearch.search.planning.planner import Planner
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.asha import Asha
from fcsearch.search.pool.messages import PackOutcome, PackTask
from fcsearch.search.record.ledger import Model, Row
from fcsearch.training import TrialConfig

# What Tune writes into a trial's error file.
TRACE = "ray::PackWorker.train() (pid=1, ip=192.0.2.1)\n  File worker.py\nValueError: thirteen"
RAISED = f"Failure # 1 (occurred at 2026-01-01)\n{TRACE}\n"
UNBORN = f"Failure # 1 (occurred at 2026-01-01)\n{ActorDiedError(RayTaskError('f', TRACE, ValueError()))}\n"
DIED = f"Failure # 1 (occurred at 2026-01-01)\n{ActorDiedError()}\n\tclass_name: PackWorker\n"
UNREACHABLE = f"Failure # 1 (occurred at 2026-01-01)\n{ActorUnavailableError('RpcError: code 14', bytes(16))}\n"


class FakeBooks:
    """Keeps what happened, in order."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.asked = 0
        self.rows: list[Row] = []
        self.saved: list[tuple[list[int], list[int]]] = []
        self.broken: Exception | None = None
        self.may_ask = threading.Semaphore(1000)

    def ask(self, count: int) -> list[PlannedTrial]:
        assert self.may_ask.acquire(timeout=10)
        self.events.append(f"ask {count}")
        self.asked += count
        return trials(count, first=self.asked - count)

    def record(
        self,
        pack_id: int,
        trials: Sequence[Row],
        epochs: Sequence[Row],  # noqa: ARG002
        *,
        models: Mapping[int, Model],
        keep: Collection[int],
    ) -> None:
        if self.broken:
            raise self.broken
        self.events.append(f"record {pack_id}")
        self.rows.extend(trials)
        self.saved.append((list(models), list(keep)))


@pytest.fixture
def books() -> FakeBooks:
    return FakeBooks()


def make(books: FakeBooks, *, total: int = 12, size: int = 3, workers: int = 1, **keys: Any) -> Dispatcher:
    numbers = iter(range(1000))
    arguments: dict[str, Any] = {
        "waiting": [],
        "standings": Standings(2),
        "asha": None,
        "rungs": {},
        "keep_models": 2,
        "next_pack_id": lambda: next(numbers),
        "model_metadata": {"input_dim": 2},
        **keys,
    }
    planner = Planner(
        remaining=total - len(arguments["waiting"]), pack_size=size, workers=workers, learns=keys.pop("learns", True)
    )
    return Dispatcher(books, planner, workers=workers, **arguments)


def take(dispatcher: Dispatcher) -> PackTask:
    task = dispatcher.next_task()
    assert task is not None
    return task


def ids(task: PackTask) -> list[int]:
    return [trial.trial_id for trial in task.trials]


def train(task: PackTask, accuracy: float = 0.5, **keys: Any) -> PackOutcome:
    return outcome(task.pack_id, {t.trial_id: result(t.config, [accuracy, accuracy]) for t in task.trials}, **keys)


def finish_all(dispatcher: Dispatcher) -> Iterator[PackTask]:
    while task := dispatcher.next_task():
        yield task
        dispatcher.finish(train(task))
    assert dispatcher.finished
    dispatcher.shutdown()


def test_every_trial_is_handed_out_and_recorded_once(books: FakeBooks) -> None:
    handed = [trial for task in finish_all(make(books, total=14)) for trial in ids(task)]
    assert handed == list(range(14))
    assert [row["trial_id"] for row in books.rows] == handed


def test_the_order_of_events_with_one_worker_is_fixed(books: FakeBooks) -> None:
    """Pack k+2 is asked for after pack k was told, and before pack k+1 is: at every speed of sampler and worker."""
    for _ in finish_all(make(books)):
        pass
    assert books.events == [
        "ask 3",
        "ask 3",
        "record 0",
        "ask 3",
        "record 1",
        "ask 3",
        "record 2",
        "record 3",
    ]


def test_the_next_pack_is_asked_for_while_one_trains(books: FakeBooks) -> None:
    # The sampler answers twice, then it is held up.
    books.may_ask = threading.Semaphore(2)
    dispatcher = make(books)
    dispatcher.finish(train(take(dispatcher)))
    assert ids(take(dispatcher)) == [3, 4, 5]
    books.may_ask.release(10)
    dispatcher.shutdown()


def test_all_workers_get_a_pack_at_once_and_no_more(books: FakeBooks) -> None:
    dispatcher = make(books, workers=3, total=100)
    assert [len(take(dispatcher).trials) for _ in range(3)] == [3, 3, 3]
    assert dispatcher.next_task() is None
    assert not dispatcher.finished
    dispatcher.shutdown()


def test_trials_that_wait_go_first_with_their_configuration(books: FakeBooks) -> None:
    waiting = trials(4, learning_rate=0.5)
    dispatcher = make(books, waiting=waiting, total=6)
    books.asked = 4
    first = take(dispatcher)
    assert first.trials == tuple(waiting[:2])
    dispatcher.finish(train(first))
    assert [ids(task) for task in finish_all(dispatcher)] == [[2, 3], [4, 5]]


def test_rungs_and_threshold_come_along(books: FakeBooks) -> None:
    dispatcher = make(books, asha=Asha(2, 3), rungs={2: (0.4,)})
    first = take(dispatcher)
    assert (dict(first.rungs), first.weights_above) == ({2: (0.4,)}, None)
    dispatcher.finish(train(first, 0.6))
    second = take(dispatcher)
    assert (dict(second.rungs), second.weights_above) == ({2: (0.4, 0.6, 0.6, 0.6)}, 0.6)
    dispatcher.shutdown()


def test_the_best_two_keep_their_models(books: FakeBooks) -> None:
    dispatcher = make(books, total=9)
    for accuracy in (0.5, 0.9, 0.2):
        dispatcher.finish(train(take(dispatcher), accuracy))
    dispatcher.shutdown()
    assert books.saved == [([0, 1], [0, 1]), ([3, 4], [3, 4]), ([], [3, 4])]


def test_what_a_pack_held_is_let_go(books: FakeBooks) -> None:
    dispatcher = make(books, asha=Asha(2, 3), rungs={2: (0.4,)})
    task = take(dispatcher)
    dispatcher.finish(train(task))
    assert (task.trials, task.rungs) == ((), {})
    dispatcher.shutdown()


def test_trials_that_a_worker_left_in_the_middle_are_not_recorded(books: FakeBooks) -> None:
    dispatcher = make(books)
    task = take(dispatcher)
    dispatcher.close()
    rows = dispatcher.finish(outcome(task.pack_id, {1: result(TrialConfig(), [0.5])}))
    assert [row["trial_id"] for row in rows] == [1]
    assert dispatcher.next_task() is None
    assert dispatcher.finished
    dispatcher.shutdown()
    assert [row["trial_id"] for row in books.rows] == [1]


def test_an_empty_outcome_writes_nothing(books: FakeBooks) -> None:
    dispatcher = make(books)
    task = take(dispatcher)
    dispatcher.close()
    dispatcher.finish(outcome(task.pack_id, {}))
    dispatcher.shutdown()
    assert not any(event.startswith("record") for event in books.events)


def test_a_pack_that_fails_is_halved_until_the_trial_at_fault_is_alone(books: FakeBooks) -> None:
    dispatcher = make(books, total=8, size=8)
    handed = []
    while task := dispatcher.next_task():
        handed.append(ids(task))
        if 5 in ids(task):
            dispatcher.fail(task.pack_id, "Traceback\nRuntimeError: poison", started=True)
        else:
            dispatcher.finish(train(task))
    dispatcher.shutdown()
    assert handed == [[0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3], [4, 5, 6, 7], [4, 5], [4], [5], [5], [6, 7]]
    assert sorted(row["trial_id"] for row in books.rows) == list(range(8))
    assert {row["trial_id"]: (row["state"], row["error"]) for row in books.rows}[5] == (
        "failed",
        "RuntimeError: poison",
    )
    assert sum(row["state"] == "complete" for row in books.rows) == 7


def test_a_worker_that_is_lost_a_few_times_is_no_failure_of_its_trial(books: FakeBooks) -> None:
    """A laptop that sleeps, or a machine that is taken away: up to four times, and an error beside them."""
    dispatcher = make(books, total=1, size=1)
    for error in (DIED, UNREACHABLE, RAISED, DIED, UNREACHABLE):
        task = take(dispatcher)
        assert ids(task) == [0]
        assert dispatcher.fail(task.pack_id, error, started=True).rows == []
    dispatcher.finish(train(take(dispatcher)))
    dispatcher.shutdown()
    assert [row["state"] for row in books.rows] == ["complete"]


@pytest.mark.parametrize(("error", "tries"), [(RAISED, 2), (UNBORN, 2), (DIED, 5), (UNREACHABLE, 5)])
def test_a_trial_that_fails_or_kills_its_worker_every_time_is_given_up(
    books: FakeBooks, error: str, tries: int
) -> None:
    dispatcher = make(books, total=3, size=3)
    handed = []
    while task := dispatcher.next_task():
        handed.append(ids(task))
        if 1 in ids(task):
            dispatcher.fail(task.pack_id, error, started=True)
        else:
            dispatcher.finish(train(task))
    dispatcher.shutdown()
    assert handed.count([1]) == tries
    assert {row["trial_id"]: row["state"] for row in books.rows} == {0: "complete", 1: "failed", 2: "complete"}


def test_workers_that_do_not_start_end_the_search_and_no_trial_is_to_blame(books: FakeBooks) -> None:
    dispatcher = make(books, size=3)
    for _ in range(2):
        task = take(dispatcher)
        assert ids(task) == [0, 1, 2]
        assert dispatcher.fail(task.pack_id, "no such device", started=False) == Failure("no such device")
        dispatcher.check()
    dispatcher.fail(take(dispatcher).pack_id, "no such device", started=False)
    with pytest.raises(SearchError, match="workers must be able to start; 3 in a row did not: no such device"):
        dispatcher.check()
    dispatcher.shutdown()
    assert books.rows == []


def test_an_error_of_the_ledger_comes_out(books: FakeBooks) -> None:
    books.broken = OSError("disk full")
    dispatcher = make(books)
    dispatcher.finish(train(take(dispatcher)))
    with pytest.raises(OSError, match="disk full"):
        dispatcher.shutdown()
    again = make(books)
    again.finish(train(take(again)))
    again._thread.shutdown()
    with pytest.raises(OSError, match="disk full"):
        again.check()


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("ray::PackWorker.train() (pid=1)\n  File x\nRuntimeError: no memory\n\n", "RuntimeError: no memory"),
        ("Failure # 1 (occurred at 2026-01-01)\nray::f()\n  File x\nValueError: v\n", "ValueError: v"),
        (
            "Failure # 1 (occurred at x)\nThe actor died unexpectedly before finishing.\n\tclass_name: P\n",
            "The actor died",
        ),
        ("ray::f()\ntorch.OutOfMemoryError: CUDA out of memory\nsee the manual\n", "torch.OutOfMemoryError: CUDA"),
        ("", "unknown error"),
    ],
)
def test_the_cause_is_one_line(error: str, cause: str) -> None:
    assert cause_of(error).startswith(cause)
    assert "\n" not in cause_of(error)
