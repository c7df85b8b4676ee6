"""A worker process, seen from its pool."""

from __future__ import annotations

import contextlib
import select
import signal
from multiprocessing import Pipe

from fcsearch.search.local_pool.fork_client import ForkClient
from fcsearch.search.local_pool.wire import FromWorker, ToWorker, Unfit, receive, send
from fcsearch.search.pool.messages import PackTask


class Child:
    """Starts a worker.

    Args:
        fork_client: The process that starts it.
        rows: The open file that holds the dataset.

    Attributes:
        task: The pack that it has, from submission to its end.
        process: Its process id, once it has said that it can train.
        unfit: Why it cannot train, if it said so.
        dead: Whether it has closed its pipe.
    """

    def __init__(self, fork_client: ForkClient, rows: int) -> None:
        self.task: PackTask | None = None
        self.process: int | None = None
        self.unfit: Unfit | None = None
        self.dead = False
        self.pipe, theirs = Pipe()
        self._fork_client = fork_client
        self._code: int | None = None
        with theirs:
            self._number = fork_client.start(theirs.fileno(), rows)

    @property
    def ready(self) -> bool:
        """Whether it said that it can train."""
        return self.process is not None

    def send(self, message: ToWorker) -> None:
        """Send a message; if the process is gone the message is lost, and `receive` will tell."""
        with contextlib.suppress(OSError):
            send(self.pipe, message)

    def receive(self) -> FromWorker | None:
        """The next message; None if the process is gone."""
        try:
            message = receive(self.pipe)
        except (EOFError, OSError):
            self.dead = True
            return None
        assert not isinstance(message, ToWorker)
        return message

    def fate(self) -> str:
        """How a process that is gone ended, in words."""
        code = self.end()
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def _gone(self) -> bool:
        """Whether it has closed its pipe, which may still hold what it said."""
        if self.dead:
            return True
        look = select.poll()
        look.register(self.pipe, 0)
        return any(event & select.POLLHUP for _, event in look.poll(0))

    def end(self) -> int:
        """Kill the process; returns its exit code, or minus the signal that ended it."""
        if self._code is None:
            kill = self.task is not None and not self._gone()
            self.pipe.close()
            self._code = self._fork_client.end(self._number, kill=kill, process=self.process)
        return self._code
