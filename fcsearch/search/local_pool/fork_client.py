"""The search's end of the fork server, the process that workers are forked from."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket

from fcsearch.search.local_pool.fork_messages import END, KILL, START, receive_reply, send_order
from fcsearch.search.pool.early_output import EarlyOutput
from fcsearch.search.pool.forking import start_forking

logger = logging.getLogger(__name__)

_STDERR = 2


class ForkClient:
    """Starts the fork server, and gives it orders. Orders wait in its socket while it imports."""

    def __init__(self) -> None:
        self._count = 0
        # The workers up to this number, and the exit code of the process that they had, which is gone.
        self._gone, self._code = 0, 0
        self._begin()

    def _begin(self) -> None:
        self._stack = contextlib.ExitStack()
        self._early = self._stack.enter_context(contextlib.closing(EarlyOutput()))
        self._line, theirs = socket.socketpair()
        self._stack.enter_context(self._line)
        with theirs:
            # In its own session: Ctrl-C is for the pool, which asks its workers to leave.
            self._process = start_forking(
                "fcsearch.search.local_pool.fork_server",
                theirs.fileno(),
                stdout=self._early.descriptor,
                stderr=self._early.descriptor,
                start_new_session=True,
            )

    def revive(self) -> None:
        """Start it again if it is gone. Workers that it had train on, until their pipe is closed."""
        if (code := self._process.poll()) is not None:
            self._gone, self._code = self._count, code
            self.close()
            self._begin()

    def start(self, pipe: int, rows: int) -> int:
        """Have a worker started, which prints to this process's standard error; returns its number, for `end`.

        Args:
            pipe: The worker's end of its pipe.
            rows: The open file that holds the dataset.
        """
        self._count += 1
        # If the process is gone, the pipe tells.
        with contextlib.suppress(OSError):
            send_order(self._line, START, self._count, (pipe, rows, _STDERR))
        return self._count

    def end(self, number: int, *, kill: bool, process: int | None) -> int:
        """End a worker that was told to end, or kill it; returns its exit code, or minus the signal.

        That of a worker whose process to start workers is gone is not known: it is said to have ended as that did.

        Args:
            number: The worker.
            kill: Whether to kill it.
            process: Its process id, to kill it where the process that started it is gone; None: it has not said it.
        """
        if number > self._gone:
            with contextlib.suppress(OSError):
                send_order(self._line, KILL if kill else END, number)
            if (code := receive_reply(self._line)) is not None:
                return code
        if kill and process is not None:
            # It would train on until its epoch ends.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        return self._code if number <= self._gone else self._wait()

    def close(self) -> None:
        """End it, and the workers that are left."""
        self._line.close()
        self._process.kill()
        self._process.wait()
        self._stack.close()

    def _wait(self) -> int:
        """The exit code of the process itself, which is gone."""
        code = self._process.wait()
        if text := self._early.text():
            logger.error("the process that starts workers said: %s", text)
        return code
