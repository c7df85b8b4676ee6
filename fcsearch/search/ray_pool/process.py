"""The process that drives Ray, seen from the search."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
from multiprocessing.connection import Pipe
from typing import TYPE_CHECKING

from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.placement import Node, Placement
from fcsearch.search.pool.early_output import EarlyOutput
from fcsearch.search.ray_pool.leftovers import can_end_sessions, end_session
from fcsearch.search.ray_pool.session_folder import ray_folder
from fcsearch.search.ray_pool.wire import Answer, Capacity, Line, Lost, Order, Ready, Refused, Request, Start, Told

if TYPE_CHECKING:
    from fcsearch.data.training_arrays import TrainingArrays

logger = logging.getLogger(__name__)

# How long Ray may take to end its processes.
_END_SECONDS = 20.0
# The modules are found where this process finds them. To look for garbage while they are imported takes a tenth of
# that time; the driver begins to.
_CODE = """
import gc, sys
gc.disable()
sys.path[:] = {path!r}
from fcsearch.search.ray_pool.importing import import_and_drive
import_and_drive({number}, forked={forked})
"""
_STDERR = 2


class DriverDiedError(Exception):
    """The driver's process is gone; the text says what died."""


class Driver:
    """Starts the process that drives Ray; it imports Ray, and waits until it is told to begin.

    It serves all pools of a command, one after another, with one Ray.

    Args:
        local: Whether Ray will be started on this machine, with workers that can be forked.

    Attributes:
        begun: Whether it was.
        restarts: How often it was started again.
    """

    def __init__(self, *, local: bool = True) -> None:
        self.restarts = 0
        self._orders = 0
        self._forks = local and sys.platform == "linux"
        self._start()

    def _start(self) -> None:
        self._stack = contextlib.ExitStack()
        self._early = self._stack.enter_context(contextlib.closing(EarlyOutput()))
        near, far = Pipe()
        self._line: Line[Request, Answer] = Line(near)
        self.begun = False
        self._ordered = False
        with far:
            code = _CODE.format(path=sys.path, number=far.fileno(), forked=self._forks)
            # In its own session: Ctrl-C is for the search, which decides what happens to the packs.
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                pass_fds=[far.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._early.descriptor,
                stderr=self._early.descriptor,
                start_new_session=True,
            )

    def begin(self, address: str | None, local: Node) -> None:
        """Have it connect to Ray, or start it.

        Args:
            address: `host:port` of a cluster; None: Ray is started on this machine.
            local: What Ray may use of this machine, if it is started.

        Raises:
            UsageError: there is no folder for Ray's files.
        """
        self.begun = True
        # Made here, so that it is removed also where the driver does not live to do it.
        folder = self._stack.enter_context(ray_folder()) if address is None else None
        self.send(Start(address, local, folder))

    def order(self, options: SearchOptions, placement: Placement | None, arrays: TrainingArrays) -> int:
        """Have it get workers ready, and print to what is this process's standard error at the first order.

        Returns:
            The order's number.
        """
        first, self._ordered = not self._ordered, True
        self._orders += 1
        self.send(Order(self._orders, options, placement, arrays))
        if first:
            with contextlib.suppress(OSError):
                self._line.send_stream(_STDERR)
        return self._orders

    def send(self, message: Request) -> None:
        """Send the driver a message; if it has died the message is lost, and `receive` tells."""
        with contextlib.suppress(OSError):
            self._line.send(message)

    def poll(self, timeout: float) -> bool:
        """Whether there is something to receive, or the driver has died."""
        return self._line.poll(timeout)

    def receive(self) -> Ready | Capacity | Told:
        """The driver's next message.

        Raises:
            FcsearchError: the driver cannot continue, and could not if it were started again.
            DriverDiedError: it has died.
        """
        try:
            message = self._line.receive()
        except (EOFError, OSError) as error:
            self._log_early()
            raise DriverDiedError("its driver died, as it does with its raylet") from error
        if isinstance(message, Refused):
            self._log_early()
            raise message.error
        if isinstance(message, Lost):
            raise DriverDiedError(message.what)
        return message

    def restart(self) -> None:
        """End it, and start it again; it has to be told to begin."""
        self.end()
        self.restarts += 1
        self._start()

    def end(self) -> None:
        """End the process, which sees that its pipe is closed, and what it started."""
        self._line.close()
        if not self.begun or (not self._ordered and can_end_sessions()):
            # Nothing trains. It may be in the middle of its imports, or of Ray's start: do not wait for these.
            self._process.kill()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            end_session(self._process.pid)
            self._stack.close()

    def _log_early(self) -> None:
        """Log its output from before it had our stream."""
        if text := self._early.text():
            logger.error("the driver of Ray said before it died: %s", text)
