"""What the search and the process that drives Ray tell each other, beside packs and what comes of them."""

from __future__ import annotations

import dataclasses
import pickle
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Generic, TypeVar

from fcsearch.data import Dataset
from fcsearch.errors import FcsearchError
from fcsearch.search.planning.placement import Placement
from fcsearch.search.planning.plan import SearchPlan
from fcsearch.search.pool.interface import Event
from fcsearch.search.pool.messages import PackTask


@dataclasses.dataclass(frozen=True)
class Order:
    """What the driver is started for."""

    plan: SearchPlan
    dataset: Dataset
    folder: Path | None


@dataclasses.dataclass(frozen=True)
class Leave:
    """All packs are to end at their next epoch."""


@dataclasses.dataclass(frozen=True)
class Ready:
    """Ray is there."""

    placement: Placement


@dataclasses.dataclass(frozen=True)
class Refused:
    """The driver cannot go on; it ends."""

    error: FcsearchError


@dataclasses.dataclass(frozen=True)
class Lost:
    """A part of Ray has died; the driver ends."""

    part: str


Said = TypeVar("Said")
Heard = TypeVar("Heard")

Request = Order | PackTask | Leave
Answer = Ready | Refused | Lost | Event


class Line(Generic[Said, Heard]):
    """A pipe that carries messages whole: `Connection` itself would leave tensors in the sender's memory.

    Both ends are processes of one search; nobody else has the pipe.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def send(self, message: Said) -> None:
        """Send a message; OSError if nobody listens."""
        self._pipe.send_bytes(pickle.dumps(message))

    def receive(self) -> Heard:
        """The next message; EOFError or OSError once the other end is closed."""
        message: Heard = pickle.loads(self._pipe.recv_bytes())  # noqa: S301  # see above
        return message

    def poll(self, timeout: float) -> bool:
        """Whether there is something to receive, be it the end."""
        return self._pipe.poll(timeout)

    def close(self) -> None:
        """End it."""
        self._pipe.close()
