"""When a search ends before all is done, by a clock that the test sets."""

import signal

import pytest
from engine_helpers import Search
from search_helpers import outcome

from fcsearch.search.loop.early_end import EarlyEnd
from fcsearch.search.loop.interruption import Interruption
from fcsearch.search.pool.simulated import SimulatedPool


def test_without_a_deadline_and_a_signal_it_never_ends() -> None:
    early_end = EarlyEnd(Interruption())
    for now in (0.0, 1e9):
        early_end.look(now)
        assert (early_end.closing, early_end.leaves_epochs(now), early_end.abandons(now)) == (None, False, False)


@pytest.mark.parametrize(
    ("budget", "patience"), [(5.0, 0.2), (100.0, 2.1), (10_000.0, 6.0)], ids=["seconds", "minutes", "hours"]
)
def test_epochs_are_left_after_a_share_of_the_time_budget(budget: float, patience: float) -> None:
    early_end = EarlyEnd(Interruption(), 1000 + budget)
    early_end.progressed()
    for now in (1000.0, 1000.0 + budget):
        early_end.look(now)
        assert early_end.closing is None
    late = 1000.0 + budget + 1e-6
    early_end.look(late)
    assert early_end.closing == "time_budget"
    assert [early_end.leaves_epochs(late + 0.99 * patience), early_end.leaves_epochs(late + 1.01 * patience)] == [
        False,
        True,
    ]
    assert [early_end.abandons(late + 9.9), early_end.abandons(late + 10.1)] == [False, True]


@pytest.mark.parametrize(("number", "closing"), [(signal.SIGINT, "interrupt"), (signal.SIGTERM, "terminate")])
def test_after_a_signal_epochs_have_six_seconds(number: int, closing: str) -> None:
    stop = Interruption()
    early_end = EarlyEnd(stop, 2.0)
    early_end.look(0.0)
    stop.handle(number, None)
    early_end.look(1.0)
    assert early_end.closing == closing
    assert [early_end.leaves_epochs(now) for now in (1.0, 6.9, 7.1)] == [False, False, True]
    # It stays at that, also when the deadline passes.
    early_end.look(3.0)
    assert early_end.closing == closing


def test_packs_that_train_no_epoch_in_the_grace_end_after_it() -> None:
    early_end = EarlyEnd(Interruption(), 5.0, grace=3.0)
    early_end.look(0.0)
    early_end.look(7.9)
    assert early_end.closing is None
    early_end.look(8.1)
    assert (early_end.closing, early_end.leaves_epochs(8.2), early_end.leaves_epochs(9.0)) == (
        "time_budget",
        False,
        True,
    )


def test_a_later_end_has_the_grace_too() -> None:
    early_end = EarlyEnd(Interruption(), 5.0, grace=3.0, prolong=lambda: 7.0)
    for now, closing in ((8.1, None), (9.9, None), (10.1, "time_budget")):
        early_end.look(now)
        assert (early_end.deadline, early_end.closing) == (7.0, closing)


def test_a_signal_after_the_end_of_the_time_budget_counts() -> None:
    stop = Interruption()
    early_end = EarlyEnd(stop, 5.0)
    early_end.look(5.1)
    stop.handle(signal.SIGTERM, None)
    early_end.look(6.0)
    assert early_end.closing == "terminate"
    assert early_end.abandons(15.2)


def test_a_first_epoch_ends_the_grace() -> None:
    early_end = EarlyEnd(Interruption(), 2.0, grace=10.0)
    early_end.look(11.0)
    assert early_end.closing is None
    early_end.progressed()
    early_end.look(11.0)
    assert early_end.closing == "time_budget"


def test_packs_are_asked_to_end_their_epochs_and_then_to_leave_them() -> None:
    asked: list[tuple[float, bool]] = []

    class Pool(SimulatedPool):
        def ask_to_leave(self, *, at_once: bool = False) -> None:
            asked.append((self.clock(), at_once))
            if at_once:
                super().ask_to_leave()

    pool = {"seconds": lambda _: 1000.0, "leave": lambda task: outcome(task.pack_id, {})}
    search = Search(deadline=5.0, kind=Pool, pool=pool)
    search.engine.early_end.progressed()
    assert not search.run().engine.abandoned
    moments = {at_once: [moment for moment, how in asked if how == at_once] for at_once in (False, True)}
    assert moments[False][0] == pytest.approx(5.0, abs=0.11)
    assert moments[True][0] == pytest.approx(5.2, abs=0.21)
    assert max(moments[False]) < min(moments[True])
