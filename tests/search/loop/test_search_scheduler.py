"""What trains next, without a pool."""

import threading
from concurrent.futures import Future

from engine_helpers import FakeBooks
from search_helpers import trials

from fcsearch.search.loop.recorder import Recorder
from fcsearch.search.loop.scheduler import Scheduler
from fcsearch.search.planning.packs import Planner
from fcsearch.search.pool.interface import NodeLost


def test_the_next_pack_is_asked_for_while_one_trains() -> None:
    books = FakeBooks()
    # The sampler answers twice, then it is held up.
    books.may_ask = threading.Semaphore(2)
    recorder = Recorder(books)
    scheduler = Scheduler(Planner(remaining=12, pack_size=3, learns=True), recorder.ask, first=())
    for expected in ([0, 1, 2], [3, 4, 5]):
        trials = scheduler.next(free=1, workers=1)
        assert trials is not None
        assert [trial.trial_id for trial in trials] == expected
    assert not scheduler.finished
    books.may_ask.release(10)
    recorder.shutdown()


def test_trials_still_to_be_asked_for_are_not_asked_for_at_the_end() -> None:
    books = FakeBooks()
    books.may_ask = threading.Semaphore(0)
    recorder = Recorder(books)
    futures = [recorder.ask(1) for _ in range(3)]
    # The first may have begun: it is let go once the others were called off.
    timer = threading.Timer(0.05, books.may_ask.release, [3])
    timer.start()
    recorder.shutdown()
    timer.join()
    assert [future.cancelled() for future in futures][1:] == [True, True]


def test_nodes_may_die_as_long_as_some_pack_trains() -> None:
    scheduler = Scheduler(Planner(remaining=0, pack_size=1, learns=True), lambda _: Future(), first=())
    for _ in range(3):
        for _ in range(9):
            assert scheduler.failed(tuple(trials(1)), NodeLost(0, "its node has died")) == ()
        scheduler.trains()
    for number in range(30):
        # Many workers of one node.
        assert scheduler.failed(tuple(trials(1, first=number)), NodeLost(number, "its node has died")) == ()
