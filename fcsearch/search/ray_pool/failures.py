"""What Ray's errors mean for a pack."""

from __future__ import annotations

from ray.exceptions import OutOfMemoryError, RayActorError, RayTaskError

from fcsearch.search.pool.interface import CutShort, NodeLost, NotStarted, OutOfMemory, PackFailed, Raised, WorkerLost
from fcsearch.search.ray_pool.causes import cause_of

# What Ray says of a worker that was still starting: a node that goes with several of them says nothing of the others.
_NODE_DIED = "its node has died"


class WorkerKilledError(RayActorError):
    """Ray ended a worker for a reason other than a RayActorError, such as want of memory; `args[0]` is its error."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error_msg=str(error))
        self.args = (error,)

    @property
    def out_of_memory(self) -> bool:
        """Whether Ray's memory monitor ended it."""
        return isinstance(self.args[0], OutOfMemoryError)


def pack_failure(pack_id: int, error: BaseException, *, started: bool, reused: bool = False) -> PackFailed:
    """The failure of a pack that an error means.

    Args:
        pack_id: The pack.
        error: What Ray raised.
        started: Whether the worker had started training.
        reused: Whether the worker had trained another pack before.
    """
    if started:
        kind = _kind(error)
    elif reused and isinstance(error, RayActorError):
        # It died while there was nothing for it to do.
        kind = CutShort
    else:
        kind = NodeLost if _NODE_DIED in str(error) else NotStarted
    return kind(pack_id, cause_of(str(error)) or type(error).__name__, str(error))


def _kind(error: BaseException) -> type[PackFailed]:
    if isinstance(error, WorkerKilledError) and error.out_of_memory:
        return OutOfMemory
    if isinstance(error, RayActorError) and not error.actor_init_failed:
        return WorkerLost
    cause = error.cause if isinstance(error, RayTaskError) else None
    # By its name: torch's own is known here only once torch is imported.
    out_of_memory = isinstance(cause, MemoryError) or type(cause).__name__ == "OutOfMemoryError"
    return OutOfMemory if out_of_memory else Raised


def lost_connection(error: BaseException) -> bool:
    """Whether Ray says that its raylet is gone: an OSError without a number, which the operating system's have."""
    return isinstance(error, OSError) and error.errno is None
