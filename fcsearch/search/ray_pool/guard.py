"""Ray in a separate process: if its raylet or its head dies, Ray silently ends the process that drives it.

The search itself survives, says what happened, and starts Ray again if it can: on this machine.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fcsearch.errors import SearchError
from fcsearch.search.planning.placement import Placement, local_node
from fcsearch.search.pool.interface import CutShort, Event, Notice, Pool, WorkerLost
from fcsearch.search.pool.messages import PackOutcome, PackTask, Progress
from fcsearch.search.ray_pool.process import Driver, DriverDiedError
from fcsearch.search.ray_pool.wire import Capacity, Leave, Ready, Sealed

if TYPE_CHECKING:
    from fcsearch.data import Dataset
    from fcsearch.search.planning.plan import SearchPlan

logger = logging.getLogger(__name__)

# How often Ray is started again in one command.
_RESTARTS = 2


def is_connected() -> bool:
    """Whether this program has connected to Ray itself: that connection is used then, in this process."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


@contextlib.contextmanager
def open_guarded_pool(plan: SearchPlan, dataset: Dataset, driver: Driver | None = None) -> Iterator[Pool]:
    """Have a process of its own connect to Ray, or start it, and train packs there.

    Where this program has connected to Ray itself, that connection is used instead, in this process.

    Args:
        plan: Says where, and with which workers.
        dataset: What is learned.
        driver: That process, which may serve other pools later, with the same workers. None: one that ends with the
            block.

    Raises:
        UsageError: the cluster cannot be reached, or has no room for the workers.
        SearchError: Ray does not start.
    """
    if is_connected():
        from fcsearch.search.ray_pool.tune_pool import open_ray_pool

        with open_ray_pool(plan, dataset) as connected:
            yield connected
        return
    with contextlib.ExitStack() as stack:
        if driver is None:
            driver = Driver(local=plan.options.address is None)
            stack.callback(driver.end)
        yield GuardedPool(plan, dataset, driver)


class GuardedPool:
    """A pool whose Ray may die.

    Where the placement is known it takes packs while Ray still starts.

    Args:
        plan: Says where, and with which workers.
        dataset: What is learned.
        driver: The process that drives Ray.

    Raises:
        FcsearchError: as `open_guarded_pool`.
    """

    def __init__(self, plan: SearchPlan, dataset: Dataset, driver: Driver) -> None:
        self._plan = plan
        self._arrays = dataset.training_arrays(plan.space.known_objective.name)
        self._running: set[int] = set()
        self._leaving = False
        self._order = 0
        self._ready = False
        self._notices: list[Event] = []
        self._driver = driver
        self._instruct()
        if plan.placement is None:
            self._settle()
        else:
            self._take_place(plan.placement, plan.placement.workers)

    def submit(self, task: PackTask) -> None:
        """Have a pack trained."""
        self._leaving = False
        self._running.add(task.pack_id)
        self._driver.send(Sealed.of(task.pack_id, task))

    def wait(self, timeout: float) -> list[Event]:
        """What happened since the last call."""
        events, self._notices = self._notices, []
        try:
            while self._driver.poll(0 if events else timeout):
                events.extend(self._take())
        except DriverDiedError as death:
            events.extend(self._give_up() if self._leaving else self._start_again(death))
        return events

    def ask_to_leave(self, *, at_once: bool = False) -> None:  # noqa: ARG002
        """Ask all packs in training to end."""
        if not self._leaving:
            self._leaving = True
            self._driver.send(Leave())

    def _take(self) -> list[Event]:
        message = self._driver.receive()
        if isinstance(message, Ready) and message.number == self._order:
            self._take_place(message.placement, message.workers)
            self._ready = True
            return []
        if not self._ready or isinstance(message, Ready):
            # Of the pool before, whose packs were abandoned.
            return []
        if isinstance(message, Capacity):
            return [self._resize(message.workers)]
        if not isinstance(message, (Progress, Notice)):
            self._running.remove(message.pack_id)
        if isinstance(message, Sealed):
            outcome: PackOutcome = message.open()
            return [outcome]
        return [message]

    def _instruct(self) -> None:
        """Tell the driver what to do, from the start."""
        self._ready = False
        if not self._driver.begun:
            self._driver.begin(self._plan.options.address, local_node())
        self._order = self._driver.order(self._plan.options, self._plan.placement, self._arrays)

    def _settle(self) -> None:
        """Wait until the driver is ready: only then the workers are known."""
        try:
            while not self._ready:
                self._take()
        except DriverDiedError as death:
            self._replace(death)
            raise

    def _take_place(self, placement: Placement, workers: int) -> None:
        self.placement = placement
        self.workers = workers

    def _resize(self, workers: int) -> Notice:
        """Nodes have joined or left."""
        before, self.workers = self.workers, workers
        if workers:
            room = f"the cluster has room for {workers} worker{'s' if workers > 1 else ''} now"
            return Notice(f"nodes have {'joined' if workers > before else 'left'}: {room}")
        since = f"since {datetime.now(UTC):%H:%M:%S} UTC"
        return Notice(f"{since} no node of the cluster has room for a worker: the search waits for one to join")

    def _start_again(self, death: DriverDiedError) -> list[Event]:
        self._replace(death)
        self._instruct()
        notices, self._notices = self._notices, []
        running, self._running = self._running, set()
        # They go on from newer checkpoints than they had.
        return [*notices, *(CutShort(pack_id, str(death)) for pack_id in sorted(running))]

    def _give_up(self) -> list[Event]:
        """What asks a search to end may end Ray with it, such as systemd: its packs go on waiting."""
        running, self._running = self._running, set()
        return [WorkerLost(pack_id, "Ray ended with the search") for pack_id in sorted(running)]

    def _replace(self, death: DriverDiedError) -> None:
        """Start the driver again, if the search may.

        Raises:
            SearchError: Ray has died too often, or it is not this search's to start.
        """
        logger.error("Ray has died: %s", death)
        where = f"on the cluster at {self._plan.options.address}" if self._plan.options.address else "on this machine"
        if self._plan.options.address is not None or self._driver.restarts == _RESTARTS:
            again = f", {_RESTARTS + 1} times" if self._driver.restarts else ""
            raise SearchError(
                f"Ray must live as long as a search; {death} {where}{again}; finished trials are kept: when Ray "
                f"works again, continue with `fcsearch resume {self._plan.path}`"
            )
        self._driver.restart()
        times = f"{self._driver.restarts} of {_RESTARTS}"
        self._notices.append(Notice(f"{death} {where}; Ray is started again ({times}), and the search continues"))
