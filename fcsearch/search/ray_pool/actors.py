"""Tune's actors as a search needs them: an error costs one worker, and a silent worker is waited for.

Ray reports an actor as unavailable if its process is stopped or the network between two nodes is cut: it may come
back, but Tune would start its pack over elsewhere. All requests to a worker here can be repeated, since a pack
continues from where it is: so they are repeated until the worker answers or Ray reports that it is dead.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ray.air.execution._internal import RayActorManager
from ray.exceptions import ActorUnavailableError, RayActorError, RayTaskError

from fcsearch.search.planning.placement import Placement
from fcsearch.search.ray_pool.failures import WorkerKilledError
from fcsearch.search.ray_pool.reservations import Reservations
from fcsearch.search.ray_pool.worker import Rows

# What a worker may be asked twice, since it goes on from where it is.
_REPEATABLE = ("train", "reset")


@dataclasses.dataclass(repr=False)
class WorkerKind:
    """What is started as a worker.

    Attributes:
        actor: Ray's actor class, of a `PackWorker`.
        placement: All the workers.
        rows: What those learn that start from now on.
    """

    actor: Any
    placement: Placement
    rows: Rows


@dataclasses.dataclass
class _Call:
    """What a worker was asked: with which words, and whether it did not answer."""

    method: str
    arguments: dict[str, Any]
    unanswered: bool = False


class ActorManager(RayActorManager):
    """Manages actors for Tune, which begins it again by its first argument when a search ends.

    Args:
        resource_manager: Reserves what actors take.
        silent: Called with an actor (Tune's `TrackedActor`) and True when it stops answering, False when it goes on.
        worker: What is started where Tune asks for an actor.
        again_seconds: After so long a worker that does not answer is asked again.
    """

    # Methods of Tune's that are replaced here.
    replaced = ("add_actor", "_schedule_tracked_actor_task", "_actor_task_resolved", "_actor_task_failed")

    def __init__(
        self,
        resource_manager: Reservations,
        silent: Callable[[Any, bool], None] = lambda actor, silent: None,  # noqa: ARG005
        worker: WorkerKind | None = None,
        *,
        again_seconds: float = 1.0,
    ) -> None:
        super().__init__(resource_manager=resource_manager)
        self._worker = worker
        self._pause: Callable[[], float] = resource_manager.pause
        self._silent = silent
        self._again_seconds = again_seconds
        self._calls: dict[Any, _Call] = {}
        # Tasks that are to be asked again, and when.
        self._again: list[tuple[float, Any]] = []

    def add_actor(self, cls: Any, kwargs: dict[str, Any], resource_request: Any, **callbacks: Any) -> Any:  # noqa: ARG002
        """Start one of our workers: Tune's class, and what Tune would give it, would have it import Tune."""
        if self._worker is None:
            raise RuntimeError("a search must say what its workers are before one starts; found none")
        arguments = {"rows": self._worker.rows, "placement": self._worker.placement}
        return super().add_actor(self._worker.actor, arguments, resource_request, **callbacks)

    def next(self, timeout: float | None = None) -> bool:
        """Wait for an event, as Tune's, after asking those again that did not answer."""
        now = time.monotonic()
        due = [task for when, task in self._again if when <= now]
        self._again = [(when, task) for when, task in self._again if when > now]
        for task in due:
            # Others may have let go of the actor since.
            if task._tracked_actor in self._live_actors_to_ray_actors_resources:
                call = self._calls[task]
                super()._schedule_tracked_actor_task(task, call.method, **call.arguments)
            else:
                self._calls.pop(task, None)
        began = time.monotonic()
        happened: bool = super().next(timeout)
        if not happened and timeout is not None:
            # With nothing else to wait for Ray does not wait.
            time.sleep(max(0.0, min(self._pause(), began + timeout - time.monotonic())))
        return happened

    def _schedule_tracked_actor_task(self, tracked_actor_task: Any, method_name: str, **arguments: Any) -> Any:
        # With a pack's number, Tune gives a worker objects of its own.
        arguments.update(args=(), kwargs={})
        if method_name in _REPEATABLE and not arguments.get("_return_future"):
            self._calls[tracked_actor_task] = _Call(method_name, arguments)
        return super()._schedule_tracked_actor_task(tracked_actor_task, method_name, **arguments)

    def _actor_task_resolved(self, tracked_actor_task: Any, result: Any) -> None:
        call = self._calls.pop(tracked_actor_task, None)
        if call is not None and call.unanswered:
            self._silent(tracked_actor_task._tracked_actor, False)
        super()._actor_task_resolved(tracked_actor_task, result)

    def _actor_task_failed(self, tracked_actor_task: Any, exception: Exception) -> None:
        call = self._calls.get(tracked_actor_task)
        if call is not None and isinstance(exception, ActorUnavailableError):
            if not call.unanswered:
                call.unanswered = True
                self._silent(tracked_actor_task._tracked_actor, True)
            self._again.append((time.monotonic() + self._again_seconds, tracked_actor_task))
            return
        self._calls.pop(tracked_actor_task, None)
        # Tune would end the search for some errors, as out of memory.
        if not isinstance(exception, (RayActorError, RayTaskError)):
            exception = WorkerKilledError(exception)
        super()._actor_task_failed(tracked_actor_task, exception)


def silence(pack_id: int, silent: bool) -> str:
    """What a user is told when the worker of a pack stops answering, and when it goes on."""
    since = f"since {datetime.now(UTC):%H:%M:%S} UTC the worker of pack {pack_id} has not answered"
    return f"{since}: its trials wait for it" if silent else f"the worker of pack {pack_id} answers again"
