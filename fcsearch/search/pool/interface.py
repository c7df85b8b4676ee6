"""The interface between the loop and the pools that train its packs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from fcsearch.search.planning.placement import Placement
from fcsearch.search.pool.messages import PackOutcome, PackTask, Progress

# Workers and the process that drives Ray need neither.
if TYPE_CHECKING:
    from fcsearch.data import Dataset
    from fcsearch.search.planning.plan import SearchPlan

# A local pool's `wait` with nothing to train returns after this time: the caller has, or will soon have, work to give.
IDLE_SECONDS = 0.01


@dataclasses.dataclass(frozen=True)
class PackFailed:
    """A pack could not be trained; one of the five below says in which way.

    Attributes:
        pack_id: Its number.
        cause: What happened, in one line.
        details: All that is known of it, for the run's log.
    """

    pack_id: int
    cause: str
    details: str = ""


class Raised(PackFailed):
    """Training raised an error."""


class OutOfMemory(PackFailed):
    """The pack did not fit into the memory of its device, or its worker was ended for lack of memory."""


class WorkerLost(PackFailed):
    """The worker died, or could not be reached any more."""


class NotStarted(PackFailed):
    """The worker did not start training: its trials are not at fault."""


class CutShort(PackFailed):
    """The pool had to start again, its node died, or its worker had died before it: its trials are not at fault."""


class NodeLost(CutShort):
    """The node died before the worker started training."""


@dataclasses.dataclass(frozen=True)
class Notice:
    """Something that happened to the pool and that the user should know."""

    text: str


Event = Progress | PackOutcome | PackFailed | Notice


class Pool(Protocol):
    """Workers that train packs. All calls come from one thread.

    Every pack that was submitted ends in one event, a PackOutcome or a PackFailed; before it there may be Progress.
    There may be Notices at any time.
    """

    @property
    def placement(self) -> Placement:
        """The workers: how many there were at the start, and what each of them holds."""

    @property
    def workers(self) -> int:
        """How many packs train at a time, now. No more than these are to be submitted and not yet ended."""

    def submit(self, task: PackTask) -> None:
        """Have a pack trained."""

    def wait(self, timeout: float) -> Sequence[Event]:
        """What happened since the last call, in order; waits up to `timeout` seconds for something to happen."""

    def ask_to_leave(self, *, at_once: bool = False) -> None:
        """Ask all packs in training to end at their next epoch; they end in a PackOutcome, as ever.

        Packs that are submitted after that train as ever.

        Args:
            at_once: Whether to end in the middle of an epoch. Only processes on this machine that train on a CPU can;
                others end at their next epoch.
        """


# Opens a pool for a plan. When the block ends, so does the pool, with packs that still train.
OpenPool = Callable[["SearchPlan", "Dataset"], AbstractContextManager[Pool]]
