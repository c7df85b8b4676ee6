"""The fork server: imports what workers need, while the search still imports its own libraries, and forks workers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable

from fcsearch.search.local_pool.fork_messages import END, KILL, START, WORKER, receive_order, reply
from fcsearch.search.local_pool.worker import main as train
from fcsearch.search.pool.early_output import print_to
from fcsearch.search.pool.forking import begin_forking

_END_SECONDS = 10.0
_LOOK_SECONDS = 0.01


def main(descriptor: int) -> None:
    """Start and end workers on orders of the search at the other end of a socket, until it closes the socket.

    Args:
        descriptor: This end of it.
    """
    begin_forking()
    workers: dict[int, int] = {}
    with socket.socket(fileno=descriptor) as line:
        while (order := receive_order(line)) is not None:
            kind, number, descriptors = order
            if kind == START:
                workers[number] = _start(line, *descriptors)
            elif kind in (END, KILL):
                reply(line, _end(workers.pop(number), seconds=_END_SECONDS if kind == END else 0))
    for process in workers.values():
        _end(process, seconds=0)


def _start(line: socket.socket, pipe: int, rows: int, stream: int) -> int:
    """Start a worker; returns its process id."""
    start: Callable[[socket.socket, int, int, int], int] = _fork if sys.platform == "linux" else _spawn
    process = start(line, pipe, rows, stream)
    for descriptor in (pipe, rows, stream):
        os.close(descriptor)
    return process


def _fork(line: socket.socket, pipe: int, rows: int, stream: int) -> int:
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        line.close()
        print_to(stream)
        train(pipe, rows)
        code = 0
    finally:
        if code:
            traceback.print_exc()
        for stream_of_ours in (sys.stdout, sys.stderr):
            stream_of_ours.flush()
        os._exit(code)


def _spawn(_line: socket.socket, pipe: int, rows: int, stream: int) -> int:
    """Start a worker where the system's libraries do not survive a fork, as on macOS."""
    program = WORKER.format(path=sys.path, pipe=pipe, rows=rows)
    # Reaped by `_end`.
    return subprocess.Popen(
        [sys.executable, "-c", program], pass_fds=(pipe, rows), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
    ).pid


def _end(process: int, *, seconds: float) -> int:
    """Wait for a worker to end, and kill it after `seconds`; returns its exit code, or minus the signal."""
    end = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= end:
            os.kill(process, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        time.sleep(_LOOK_SECONDS)
