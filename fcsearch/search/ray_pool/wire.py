"""The messages between the search and the process that drives Ray.

That process forwards packs and their outcomes as bytes, so it needs neither torch nor the tables, whose imports would
take longer than the start of Ray itself.
"""

from __future__ import annotations

import dataclasses
import os
import pickle
import socket
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fcsearch.errors import FcsearchError
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.placement import Node, Placement
from fcsearch.search.pool.interface import Notice, PackFailed
from fcsearch.search.pool.messages import Progress

if TYPE_CHECKING:
    from fcsearch.data.training_arrays import TrainingArrays

Content = TypeVar("Content")


@dataclasses.dataclass(frozen=True, repr=False)
class Sealed(Generic[Content]):
    """A pack to train, or what came of it, in bytes.

    Attributes:
        pack_id: The pack's number.
        content: The pickled message. The receiver trusts the sender: both are processes of one search.
    """

    pack_id: int
    content: bytes

    @classmethod
    def of(cls, pack_id: int, message: Content) -> Sealed[Content]:
        """Seal a message."""
        return cls(pack_id, pickle.dumps(message))

    def open(self) -> Content:
        """The message."""
        message: Content = pickle.loads(self.content)  # noqa: S301  # see above
        return message


@dataclasses.dataclass(frozen=True)
class Start:
    """Connect to Ray, or start it: the first message to a driver.

    Attributes:
        address: `host:port` of a cluster; None: Ray is started on this machine.
        local: What Ray may use of this machine, if it is started.
        folder: Where it keeps its files, if it is started.
    """

    address: str | None
    local: Node
    folder: Path | None


@dataclasses.dataclass(frozen=True, repr=False)
class Order:
    """Have workers for these rows: from the second message to a driver on, for each pool.

    They are those of the pool before, unless they still train. With the first order comes the stream to print to.

    Attributes:
        number: Of the order, from 1.
        options: What the user asks for.
        placement: The workers; None: only the cluster can tell.
        arrays: The rows.
    """

    number: int
    options: SearchOptions
    placement: Placement | None
    arrays: TrainingArrays


@dataclasses.dataclass(frozen=True)
class Leave:
    """All packs are to end at their next epoch."""


@dataclasses.dataclass(frozen=True)
class Ready:
    """Workers can be had, as ordered. What was said before is of an earlier order.

    Attributes:
        number: The order's.
        placement: The workers.
        workers: How many packs train at a time, now.
    """

    number: int
    placement: Placement
    workers: int


@dataclasses.dataclass(frozen=True)
class Refused:
    """The driver cannot go on; it ends."""

    error: FcsearchError


@dataclasses.dataclass(frozen=True)
class Lost:
    """A part of Ray has died, or Ray did not start: what happened, in words. The driver ends."""

    what: str


@dataclasses.dataclass(frozen=True)
class Capacity:
    """From now on the cluster has room for so many workers."""

    workers: int


Said = TypeVar("Said")
Heard = TypeVar("Heard")

Request = Start | Order | Sealed[Any] | Leave
Told = Progress | Sealed[Any] | PackFailed | Notice
Answer = Ready | Refused | Lost | Capacity | Told


class Line(Generic[Said, Heard]):
    """A pipe that carries messages whole: `Connection` itself would leave tensors in the sender's memory.

    Both ends are processes of one search; no other process has the pipe.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def send(self, message: Said) -> None:
        """Send a message; OSError if the other end is gone."""
        self._pipe.send_bytes(pickle.dumps(message))

    def receive(self) -> Heard:
        """The next message; EOFError or OSError once the other end is closed."""
        message: Heard = pickle.loads(self._pipe.recv_bytes())  # noqa: S301  # see above
        return message

    def send_stream(self, stream: int) -> None:
        """Lend an open file to the other end."""
        with socket.socket(fileno=os.dup(self._pipe.fileno())) as carrier:
            socket.send_fds(carrier, [b"f"], [stream])

    def receive_stream(self) -> int:
        """The file that the other end lends; EOFError if it is closed."""
        with socket.socket(fileno=os.dup(self._pipe.fileno())) as carrier:
            _, streams, *_ = socket.recv_fds(carrier, 1, 1)
        if not streams:
            raise EOFError
        return streams[0]

    def poll(self, timeout: float) -> bool:
        """Whether there is something to receive, be it the end."""
        return self._pipe.poll(timeout)

    def close(self) -> None:
        """End it."""
        self._pipe.close()
