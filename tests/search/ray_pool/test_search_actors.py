"""Workers that do not answer for a while are waited for; those that are dead are lost."""

from typing import Any

import pytest
import ray
from ray.air.execution._internal.tracked_actor import TrackedActor
from ray.air.execution._internal.tracked_actor_task import TrackedActorTask
from ray.exceptions import ActorDiedError, ActorUnavailableError, OutOfMemoryError

from fcsearch.search.ray_pool import actors
from fcsearch.search.ray_pool.failures import WorkerKilledError
from fcsearch.search.ray_pool.reservations import Reservations

AWAY = ActorUnavailableError("RpcError: code 14", bytes(16))


class Worker:
    """Stands in for a Ray actor: counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.train = self
        self.stop = self

    def remote(self) -> int:
        self.asked += 1
        return self.asked


class Told:
    """A manager of one worker, and what it said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ray, "wait", lambda futures, **_: ([], futures))
        self.silent: list[bool] = []
        self.results: list[Any] = []
        self.errors: list[Exception] = []
        reserved = Reservations()
        self.manager: Any = actors.ActorManager(
            reserved, lambda _, silent: self.silent.append(silent), again_seconds=0.0
        )
        self.worker = Worker()
        self.actor = TrackedActor(1)
        self.manager._live_actors_to_ray_actors_resources[self.actor] = (self.worker, None)
        monkeypatch.setattr(self.manager._resource_manager, "free_resources", lambda **_: None)

    def ask(self, method: str = "train") -> TrackedActorTask:
        task = TrackedActorTask(
            self.actor,
            on_result=lambda _, result: self.results.append(result),
            on_error=lambda _, error: self.errors.append(error),
        )
        self.manager._schedule_tracked_actor_task(task, method, args=(), kwargs={})
        return task


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(monkeypatch)


def test_a_worker_that_is_silent_is_asked_again_until_it_answers(told: Told) -> None:
    task = told.ask()
    for asked in (2, 3):
        told.manager._actor_task_failed(task, AWAY)
        told.manager.next(timeout=0)
        assert told.worker.asked == asked
    # Said once.
    assert told.silent == [True]
    told.manager._actor_task_resolved(task, "progress")
    assert (told.silent, told.results, told.errors) == ([True, False], ["progress"], [])


def test_or_until_ray_says_that_it_is_dead(told: Told) -> None:
    task = told.ask()
    told.manager._actor_task_failed(task, AWAY)
    told.manager.next(timeout=0)
    told.manager._actor_task_failed(task, ActorDiedError())
    assert [type(error) for error in told.errors] == [ActorDiedError]
    told.manager.next(timeout=0)
    assert told.worker.asked == 2


def test_one_that_was_let_go_of_is_not_asked_again(told: Told) -> None:
    task = told.ask()
    told.manager._actor_task_failed(task, AWAY)
    told.manager._live_actors_to_ray_actors_resources.clear()
    told.manager.next(timeout=0)
    assert told.worker.asked == 1


def test_what_cannot_be_asked_twice_is_not(told: Told) -> None:
    told.manager._actor_task_failed(told.ask("stop"), AWAY)
    assert told.errors == [AWAY]


def test_any_other_error_of_ray_is_the_loss_of_the_worker(told: Told) -> None:
    told.manager._actor_task_failed(told.ask(), OutOfMemoryError("low on memory"))
    assert [type(error) for error in told.errors] == [WorkerKilledError]


def test_it_begins_anew_when_a_search_ends(told: Told) -> None:
    told.manager._live_actors_to_ray_actors_resources.clear()
    told.manager.cleanup()
    assert told.manager._calls == {}
