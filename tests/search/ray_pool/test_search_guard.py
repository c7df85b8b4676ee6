"""A pool whose Ray may die, with a driver that only remembers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from search_helpers import NOW, PLACE, trials

from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.placement import Placement
from fcsearch.search.planning.plan import SearchPlan
from fcsearch.search.pool.interface import CutShort, Notice, WorkerLost
from fcsearch.search.pool.messages import PackOutcome, PackTask
from fcsearch.search.ray_pool import guard
from fcsearch.search.ray_pool.guard import GuardedPool
from fcsearch.search.ray_pool.process import DriverDiedError
from fcsearch.search.ray_pool.wire import Leave, Sealed
from fcsearch.space import SearchSpace


class FakeDriver:
    """Hears what the search says, and answers what a test has prepared."""

    made: list[FakeDriver]

    def __init__(self) -> None:
        self.begun = self.dead = self.ended = False
        self.heard: list[Any] = []
        self.answers: list[Any] = []
        FakeDriver.made.append(self)

    def begin(self, *_: Any) -> None:
        self.begun = True

    def order(self, order: Any) -> None:
        pass

    def send(self, message: Any) -> None:
        self.heard.append("leave" if isinstance(message, Leave) else message.pack_id)

    def poll(self, timeout: float) -> bool:  # noqa: ARG002
        return self.dead or bool(self.answers)

    def receive(self) -> Any:
        if self.dead:
            raise DriverDiedError("its raylet died")
        return self.answers.pop(0)

    def end(self) -> None:
        self.ended = True


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> GuardedPool:
    monkeypatch.setattr(guard, "Driver", FakeDriver)
    FakeDriver.made = []
    space = SearchSpace.from_mapping({"dataset": "digits", "parameters": {"epochs": 1}})
    plan = SearchPlan(Path("run"), space, 1, Placement(workers=1, cpus=1, gpus=0), 1, SearchOptions())
    driver: Any = FakeDriver()
    return GuardedPool(plan, load_dataset(DatasetSpec("digits", num_train=300)), driver)


def pack(number: int) -> PackTask:
    return PackTask(number, tuple(trials(1, epochs=1)))


def test_each_stage_of_a_search_may_ask_its_packs_to_leave(pool: GuardedPool) -> None:
    [driver] = FakeDriver.made
    for number in range(2):
        pool.submit(pack(number))
        pool.ask_to_leave()
        pool.ask_to_leave()
        driver.answers.append(Sealed.of(number, PackOutcome(number, (), PLACE, NOW)))
        assert [event.pack_id for event in pool.wait(0)] == [number]
    assert driver.heard == [0, "leave", 1, "leave"]


def test_a_ray_that_ends_with_the_trials_starts_again_for_what_comes_after_them(pool: GuardedPool) -> None:
    pool.submit(pack(0))
    pool.ask_to_leave()
    FakeDriver.made[0].dead = True
    assert pool.wait(0) == [WorkerLost(0, "Ray ended with the search")]
    pool.submit(pack(1))
    notice, cut = pool.wait(0)
    assert isinstance(notice, Notice)
    assert cut == CutShort(1, "its raylet died")
    assert [driver.ended for driver in FakeDriver.made] == [True, False]
    pool.submit(pack(1))
    assert FakeDriver.made[1].heard == [1]
