"""Ray in a process of its own: where its raylet or its head dies, Ray ends the process that drives it, without a word.

The search itself lives on, says what happened, and starts Ray again where that is in its power: on this machine.
"""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.connection import Pipe

from fcsearch.data import Dataset
from fcsearch.errors import SearchError
from fcsearch.search.planning.placement import Placement
from fcsearch.search.planning.plan import SearchPlan
from fcsearch.search.pool.interface import Event, Notice, Pool, WorkerLost
from fcsearch.search.pool.messages import PackTask, Progress
from fcsearch.search.ray_pool.folder import ray_folder
from fcsearch.search.ray_pool.leftovers import end_session
from fcsearch.search.ray_pool.wire import Answer, Leave, Line, Lost, Order, Ready, Refused, Request

logger = logging.getLogger(__name__)

# How often Ray is started again in one search.
_RESTARTS = 2
# How long Ray may take to end its processes.
_END_SECONDS = 20.0
# The modules are found where this process finds them.
_CODE = "import sys; sys.path[:] = {path!r}; from fcsearch.search.ray_pool.driver import main; main({number})"


@contextlib.contextmanager
def open_guarded_pool(plan: SearchPlan, dataset: Dataset) -> Iterator[Pool]:
    """Have a process of its own connect to Ray, or start it, and train packs there.

    Where this program has connected to Ray itself, that connection is used instead, in this process.

    Args:
        plan: Says where, and with which workers.
        dataset: What is learned.

    Raises:
        UsageError: the cluster cannot be reached, or has no room for the workers.
        SearchError: Ray does not start.
    """
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        from fcsearch.search.ray_pool.tune_pool import open_ray_pool

        with open_ray_pool(plan, dataset) as connected:
            yield connected
        return
    pool = GuardedPool(plan, dataset)
    try:
        yield pool
    finally:
        pool.close()


class GuardedPool:
    """A pool whose Ray may die.

    Args:
        plan: Says where, and with which workers.
        dataset: What is learned.

    Raises:
        FcsearchError: as `open_guarded_pool`.
    """

    def __init__(self, plan: SearchPlan, dataset: Dataset) -> None:
        self._plan = plan
        self._dataset = dataset
        self._tasks: dict[int, PackTask] = {}
        self._leaving = False
        self._restarts = 0
        self._notices: list[Event] = []
        self._driver = _Driver(plan, dataset)
        try:
            self._settle()
        except BaseException:
            self._driver.end()
            raise

    def submit(self, task: PackTask) -> None:
        """Have a pack trained."""
        self._tasks[task.pack_id] = task
        self._send(task)

    def wait(self, timeout: float) -> list[Event]:
        """What happened since the last call."""
        events, self._notices = self._notices, []
        try:
            while self._driver.poll(0 if events else timeout):
                events.append(self._take())
        except _DriverDiedError as death:
            events.extend(self._give_up() if self._leaving else self._start_again(death))
        return events

    def ask_to_leave(self) -> None:
        """Ask all packs in training to end."""
        if not self._leaving:
            self._leaving = True
            self._send(Leave())

    def close(self) -> None:
        """End Ray, if it was started here, with all that it runs."""
        self._driver.end()

    def _take(self) -> Event:
        message = self._driver.receive()
        if not isinstance(message, (Progress, Notice)):
            del self._tasks[message.pack_id]
        return message

    def _send(self, message: Request) -> None:
        # A driver that has died is noticed by the next wait, which sends all again.
        with contextlib.suppress(OSError):
            self._driver.send(message)

    def _settle(self) -> None:
        """Wait until the driver is ready, starting it again where it dies before."""
        while True:
            try:
                self.placement = self._driver.ready()
                self.workers = self.placement.workers
                return
            except _DriverDiedError as death:
                self._replace(death)

    def _start_again(self, death: _DriverDiedError) -> list[Event]:
        self._replace(death)
        self._settle()
        for task in self._tasks.values():
            self._send(task)
        events, self._notices = self._notices, []
        return events

    def _give_up(self) -> list[Event]:
        """What asks a search to end may end Ray with it, such as systemd: its packs go on waiting."""
        tasks, self._tasks = self._tasks, {}
        return [WorkerLost(pack_id, "Ray ended with the search") for pack_id in tasks]

    def _replace(self, death: _DriverDiedError) -> None:
        """Start another driver, if the search may.

        Raises:
            SearchError: Ray has died too often, or it is not this search's to start.
        """
        self._driver.end()
        logger.error("Ray has died: %s", death)
        where = f"on the cluster at {self._plan.options.address}" if self._plan.options.address else "on this machine"
        if self._plan.options.address is not None or self._restarts == _RESTARTS:
            again = f", {_RESTARTS + 1} times" if self._restarts else ""
            raise SearchError(
                f"Ray must live as long as a search; {death} {where}{again}; nothing that is done is lost: when Ray "
                f"is well again, go on with `fcsearch resume {self._plan.path}`"
            )
        self._restarts += 1
        self._notices.append(
            Notice(f"{death} {where}; Ray is started again ({self._restarts} of {_RESTARTS}), and the search goes on")
        )
        self._driver = _Driver(self._plan, self._dataset)


class _DriverDiedError(Exception):
    """The driver's process is gone; the text says what died."""


class _Driver:
    """The process that drives Ray."""

    def __init__(self, plan: SearchPlan, dataset: Dataset) -> None:
        self._stack = contextlib.ExitStack()
        # Made here, so that it is removed also where the driver does not live to do it.
        folder = self._stack.enter_context(ray_folder()) if plan.options.address is None else None
        near, far = Pipe()
        self._line: Line[Request, Answer] = Line(near)
        with far:
            code = _CODE.format(path=sys.path, number=far.fileno())
            # In a session of its own: Ctrl-C is for the search, which decides what becomes of the packs.
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                pass_fds=[far.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        with contextlib.suppress(OSError):
            self.send(Order(plan, dataset, folder))

    def send(self, message: Request) -> None:
        """Tell the driver something; OSError if it has died."""
        self._line.send(message)

    def poll(self, timeout: float) -> bool:
        """Whether there is something to receive, or the driver has died."""
        return self._line.poll(timeout)

    def receive(self) -> Event:
        """The next event of the pool.

        Raises:
            FcsearchError: the driver cannot go on.
            _DriverDiedError: it has died.
        """
        message = self._receive()
        if isinstance(message, Ready):
            raise TypeError("a driver is ready once; found it ready again")
        return message

    def ready(self) -> Placement:
        """The workers, once there are any; raises as `receive`."""
        message = self._receive()
        if not isinstance(message, Ready):
            raise TypeError(f"a driver must be ready first; found {message!r}")
        return message.placement

    def end(self) -> None:
        """End the process, which sees that its pipe is closed, and what it started."""
        self._line.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            end_session(self._process.pid)
            self._stack.close()

    def _receive(self) -> Ready | Event:
        try:
            message = self._line.receive()
        except (EOFError, OSError) as error:
            raise _DriverDiedError("its driver died, as it does with its raylet") from error
        if isinstance(message, Refused):
            raise message.error
        if isinstance(message, Lost):
            raise _DriverDiedError(f"its {message.part} died")
        return message
