"""Pools whose Ray may die, with a driver that only remembers."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from search_helpers import NOW, PLACE, trials

from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.errors import SearchError
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.placement import Placement
from fcsearch.search.planning.plan import SearchPlan
from fcsearch.search.pool.interface import CutShort, Notice, WorkerLost
from fcsearch.search.pool.messages import PackOutcome, PackTask
from fcsearch.search.ray_pool.guard import GuardedPool, open_guarded_pool
from fcsearch.search.ray_pool.process import Driver, DriverDiedError
from fcsearch.search.ray_pool.wire import Capacity, Leave, Ready, Sealed
from fcsearch.space import SearchSpace

PLACEMENT = Placement(workers=1, cpus=1, gpus=0)


class FakeDriver:
    """Hears what the search says, and answers what a test has prepared."""

    def __init__(self) -> None:
        self.begun = self.dead = self.ended = False
        self.restarts = self.orders = 0
        self.heard: list[Any] = []
        self.answers: list[Any] = []

    def begin(self, *_: Any) -> None:
        self.begun = True
        self.heard.append("begin")

    def order(self, *_: Any) -> int:
        self.heard.append("order")
        self.orders += 1
        self.answers.append(Ready(self.orders, PLACEMENT, 1))
        return self.orders

    def send(self, message: Any) -> None:
        self.heard.append("leave" if isinstance(message, Leave) else message.pack_id)

    def poll(self, timeout: float) -> bool:  # noqa: ARG002
        return self.dead or bool(self.answers)

    def receive(self) -> Any:
        if self.dead:
            raise DriverDiedError("its raylet died")
        return self.answers.pop(0)

    def restart(self) -> None:
        self.restarts += 1
        self.begun = self.dead = False
        self.answers = []

    def end(self) -> None:
        self.ended = True


@pytest.fixture
def driver() -> Any:
    return FakeDriver()


@pytest.fixture
def asked() -> Any:
    """What is asked of a pool: a plan and a dataset."""
    space = SearchSpace.from_mapping({"dataset": "digits", "parameters": {"epochs": 1}})
    plan = SearchPlan(Path("run"), space, 1, PLACEMENT, 1, SearchOptions())
    return plan, load_dataset(DatasetSpec("digits", num_train=300))


def pack(number: int) -> PackTask:
    return PackTask(number, tuple(trials(1, epochs=1)))


def ended(number: int) -> Sealed[PackOutcome]:
    return Sealed.of(number, PackOutcome(number, (), PLACE, NOW))


def test_each_stage_of_a_search_may_ask_its_packs_to_leave(driver: Any, asked: Any) -> None:
    pool = GuardedPool(*asked, driver)
    for number in range(2):
        pool.submit(pack(number))
        pool.ask_to_leave()
        pool.ask_to_leave()
        driver.answers.append(ended(number))
        assert [event.pack_id for event in pool.wait(0)] == [number]
    assert driver.heard == ["begin", "order", 0, "leave", 1, "leave"]


def test_a_ray_that_ends_with_the_trials_starts_again_for_what_comes_after_them(driver: Any, asked: Any) -> None:
    pool = GuardedPool(*asked, driver)
    pool.submit(pack(0))
    pool.ask_to_leave()
    driver.dead = True
    assert pool.wait(0) == [WorkerLost(0, "Ray ended with the search")]
    pool.submit(pack(1))
    notice, cut = pool.wait(0)
    assert isinstance(notice, Notice)
    assert cut == CutShort(1, "its raylet died")
    assert (driver.restarts, driver.heard[-2:]) == (1, ["begin", "order"])
    pool.submit(pack(1))
    assert driver.heard[-1] == 1


@pytest.mark.parametrize("known", [True, False])
def test_one_ray_serves_all_pools_of_a_command(driver: Any, asked: Any, known: bool) -> None:
    plan, dataset = asked
    # Where only the cluster knows the workers, a pool waits for them.
    plan = dataclasses.replace(plan, placement=PLACEMENT if known else None)
    with open_guarded_pool(plan, dataset, driver) as pool:
        pool.submit(pack(0))
    # What is left of the first pool, whose pack was abandoned, is not the second one's.
    driver.answers += [ended(0), Notice("the worker of pack 0 answers again"), Capacity(7)]
    with open_guarded_pool(plan, dataset, driver) as pool:
        pool.submit(pack(1))
        driver.answers.append(ended(1))
        assert [event.pack_id for event in pool.wait(0)] == [1]
        assert pool.workers == 1
    assert driver.heard == ["begin", "order", 0, "order", 1]
    assert not driver.ended


def test_deaths_of_ray_count_for_all_pools_of_a_command(driver: Any, asked: Any) -> None:
    for times in (1, 2):
        with open_guarded_pool(*asked, driver) as pool:
            driver.dead = True
            [notice] = pool.wait(0)
            assert isinstance(notice, Notice)
            assert f"Ray is started again ({times} of 2)" in notice.text
    with open_guarded_pool(*asked, driver) as pool:
        driver.dead = True
        with pytest.raises(SearchError, match="its raylet died on this machine, 3 times"):
            pool.wait(0)


def test_a_ray_that_cannot_be_imported_is_named_and_not_started_again(
    asked: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ray.py").write_text('raise ImportError("libray.so: cannot open shared object file")')
    # It is found where this process finds its modules.
    monkeypatch.syspath_prepend(tmp_path)
    driver = Driver()
    try:
        pool = GuardedPool(*asked, driver)
        pool.submit(pack(0))
        with pytest.raises(SearchError, match=r"found: ImportError: libray\.so: cannot open .*: --pool local"):
            pool.wait(60)
    finally:
        driver.end()
    assert driver.restarts == 0


def test_a_driver_that_is_killed_while_it_imports_is_one_that_died() -> None:
    driver = Driver()
    try:
        driver._process.kill()
        with pytest.raises(DriverDiedError, match="its driver died"):
            driver.receive()
    finally:
        driver.end()
