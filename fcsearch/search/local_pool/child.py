"""A worker process, seen from its pool."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from multiprocessing import Pipe

from fcsearch.search.local_pool.wire import FromWorker, ToWorker, Unfit, receive, send
from fcsearch.search.pool.messages import PackTask

# A program of its own, that never imports `__main__`: scripts need no guard. Modules are found where this process
# finds them.
_PROGRAM = "import sys; sys.path[:] = {path!r}; from fcsearch.search.local_pool.worker import main; main({descriptor})"
_END_SECONDS = 10.0


class Child:
    """Starts a worker.

    Args:
        rows: The open file that holds the dataset.
        gpu: The only GPU that it is to see; None: none of its own.

    Attributes:
        task: The pack that it has, from submission to its end.
        ready: Whether it said that it can train.
        unfit: Why it cannot, if it said so.
        dead: Whether it has let go of its pipe.
    """

    def __init__(self, rows: int, *, gpu: str | None) -> None:
        self.task: PackTask | None = None
        self.ready = False
        self.unfit: Unfit | None = None
        self.dead = False
        self.pipe, theirs = Pipe()
        environment = dict(os.environ)
        if gpu is not None:
            environment["CUDA_VISIBLE_DEVICES"] = gpu
        program = _PROGRAM.format(path=sys.path, descriptor=theirs.fileno())
        with theirs:
            # In a session of its own: Ctrl-C is for the pool, which asks its workers to leave.
            self._process = subprocess.Popen(
                [sys.executable, "-c", program],
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), rows),
                start_new_session=True,
            )

    def send(self, message: ToWorker) -> None:
        """Send a message; one to a process that is gone is lost, and `receive` will tell."""
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

    def end(self) -> int:
        """End the process, whatever it does; its exit code, or minus the signal that ended it."""
        self.pipe.close()
        if self.task is not None and not self.dead:
            self._process.kill()
        try:
            return self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
