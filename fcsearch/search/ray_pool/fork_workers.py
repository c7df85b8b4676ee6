"""Forks Ray's workers: a worker that is forked has imported torch already, which takes most of a worker's start.

Ray itself is imported by the forked process: its library reads the worker's environment when it is loaded.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from fcsearch.search.pool.forking import begin_forking
from fcsearch.search.ray_pool.worker_start import PROGRAM

# How long one who wants a worker may take to say so.
_SECONDS = 10.0


def main(descriptor: int) -> None:
    """Fork workers for those who connect to the socket that comes by another, until the other end of that is closed.

    Args:
        descriptor: The other.
    """
    # For the workers, which would each import it.
    importlib.import_module("fcsearch.search.pool.pack_run")
    begin_forking()
    # Workers that have ended are not waited for: their raylet sees it.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=descriptor) as line:
        _, files, *_ = socket.recv_fds(line, 1, 1)
        if not files:
            return
        with socket.socket(fileno=files[0]) as listener:
            while line not in select.select([line, listener], [], [])[0]:
                with contextlib.suppress(OSError, ValueError):
                    _answer(listener)


def _answer(listener: socket.socket) -> None:
    """Fork a worker for one who connects."""
    wanted, _ = listener.accept()
    with wanted:
        wanted.settimeout(_SECONDS)
        _, streams, *_ = socket.recv_fds(wanted, 1, 3)
        try:
            with wanted.makefile("rb") as text:
                request = json.loads(text.read())
            if _has_hung_up(wanted):
                return
            worker = os.fork()
            if worker == 0:
                _work(streams, request)
        finally:
            for stream in streams:
                os.close(stream)
        _put_in_place_of(_process_of(wanted), worker)
        wanted.sendall(b"f")


def _has_hung_up(wanted: socket.socket) -> bool:
    """Whether the other end was closed: who waited too long is a worker itself by now, under the same number."""
    looking = select.poll()
    looking.register(wanted, 0)
    return bool(looking.poll(0))


def _process_of(wanted: socket.socket) -> int:
    """The process at the other end."""
    credentials = struct.Struct("3i")
    number, _, _ = credentials.unpack(wanted.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size))
    return int(number)


def _put_in_place_of(started: int, worker: int) -> None:
    """Give a worker what its raylet gave to the process that it started, and which still lives.

    That is the process group, by which it is ended with its children, and its place in the order in which the system
    ends processes for want of memory: before the search, the driver and the raylet.
    """
    with contextlib.suppress(OSError):
        os.setpgid(worker, os.getpgid(started))
    with contextlib.suppress(OSError):
        Path(f"/proc/{worker}/oom_score_adj").write_text(Path(f"/proc/{started}/oom_score_adj").read_text())


def _work(streams: list[int], request: list[Any]) -> None:
    """Be the worker that was asked for."""
    code = 1
    try:
        arguments, environment = request
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, max(streams) + 1)
        os.environ.clear()
        os.environ.update(environment)
        # That of `random` is seeded by itself.
        np.random.seed()
        program = environment[PROGRAM]
        sys.argv = [program, *arguments]
        runpy.run_path(program, run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            for stream_of_ours in (sys.stdout, sys.stderr):
                stream_of_ours.flush()
        os._exit(code)
