"""The messages between a pool and one of its worker processes.

Both ends are parts of one program on one machine, and nothing else can reach the pipe. `Connection` itself would put
each tensor into its own shared memory, whose lifetime depends on both processes.
"""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from fcsearch.search.local_pool.shared_rows import SharedRows
from fcsearch.search.planning.placement import Placement
from fcsearch.search.pool.interface import PackFailed
from fcsearch.search.pool.messages import PackOutcome, PackTask, Progress


@dataclasses.dataclass(frozen=True)
class SetUp:
    """The first message to a worker: what it needs before it can train.

    Attributes:
        rows: Arguments of `TrainingData.from_arrays` that are arrays, of each fold of each form of the rows.
        facts: Its other arguments, likewise.
        placement: How to compute.
        gpu: The machine's name for the worker's GPU, the only one that it sees; None: it trains on the CPU.
    """

    rows: SharedRows
    facts: Sequence[Mapping[str, Any]]
    placement: Placement
    gpu: str | None


@dataclasses.dataclass(frozen=True)
class Leave:
    """To a worker: end the pack in training at the next epoch.

    Attributes:
        at_once: Whether in the middle of the epoch that it is in.
    """

    at_once: bool = False


@dataclasses.dataclass(frozen=True)
class Ready:
    """From a worker: it can train; with its process id."""

    process: int


@dataclasses.dataclass(frozen=True)
class Unfit:
    """From a worker, its last message: it cannot start, and why."""

    cause: str
    details: str


ToWorker = SetUp | PackTask | Leave
FromWorker = Ready | Unfit | Progress | PackOutcome | PackFailed


def send(pipe: Connection, message: ToWorker | FromWorker) -> None:
    """Send a message; OSError if the other end is gone."""
    pipe.send_bytes(pickle.dumps(message))


def receive(pipe: Connection) -> ToWorker | FromWorker:
    """Take the next message; EOFError or OSError if the other end is gone."""
    message: ToWorker | FromWorker = pickle.loads(pipe.recv_bytes())  # noqa: S301  # see above
    return message
