"""The messages between a search and the process that its workers are forked from.

An order is its kind and the number of a worker. An order to start comes with three open files: the worker's end of its
pipe, the dataset, and its output. The answer to an order to end is the exit code.
"""

from __future__ import annotations

import os
import socket
import struct

START, END, KILL = b"s", b"e", b"k"
_ORDER = struct.Struct("<cq")
_REPLY = struct.Struct("<q")
_FILES = 3

# The program of a worker that cannot be forked.
WORKER = "import sys; sys.path[:] = {path!r}; from fcsearch.search.local_pool.worker import main; main({pipe}, {rows})"


def send_order(line: socket.socket, kind: bytes, number: int, files: tuple[int, ...] = ()) -> None:
    """Send an order; OSError if the other end is gone."""
    socket.send_fds(line, [_ORDER.pack(kind, number)], files)


def receive_order(line: socket.socket) -> tuple[bytes, int, list[int]] | None:
    """The next order: kind, worker, files; None once the other end is closed."""
    try:
        data, files, *_ = socket.recv_fds(line, _ORDER.size, _FILES)
    except OSError:
        return None
    if len(data) < _ORDER.size:
        return None
    kind, number = _ORDER.unpack(data)
    return kind, number, files


def reply(line: socket.socket, code: int) -> None:
    """Answer with an exit code; it is lost if the other end no longer waits for it."""
    try:
        line.sendall(_REPLY.pack(code))
    except OSError:
        os._exit(0)


def receive_reply(line: socket.socket) -> int | None:
    """The exit code in the answer; None if the other end is gone."""
    try:
        data = line.recv(_REPLY.size, socket.MSG_WAITALL)
    except OSError:
        return None
    return int(_REPLY.unpack(data)[0]) if len(data) == _REPLY.size else None
