"""The process that Ray's workers of this machine are forked from, seen from the process that drives Ray.

It imports what workers need, while the other still imports Ray and starts it. To import this module takes no library.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from fcsearch.search.pool.forking import start_forking

_NAME = "forks"


class Forks:
    """Starts that process, in this process's session; it ends with this process."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = start_forking("fcsearch.search.ray_pool.fork_workers", theirs.fileno())

    @contextlib.contextmanager
    def listening(self, folder: Path) -> Iterator[Path]:
        """Have it fork workers for who connects to a socket in this folder; it ends with the block."""
        path = folder / _NAME
        with self._line, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(path))
            listener.listen()
            # If the process is gone, who connects is refused, and starts a worker of its own.
            with contextlib.suppress(OSError):
                socket.send_fds(self._line, [b"f"], [listener.fileno()])
            listener.close()
            yield path
