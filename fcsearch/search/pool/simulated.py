"""A pool in simulated time: packs take as long as a function says, and nothing is trained. For tests and benchmarks."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from fcsearch.search.planning.placement import Placement
from fcsearch.search.pool.interface import Event, PackFailed
from fcsearch.search.pool.messages import PackOutcome, PackTask


class SimulatedPool:
    """A pool whose packs end in the order of their simulated ends, the same every time.

    Args:
        answer: What comes of a pack: its outcome, or how it failed.
        leave: What comes of a pack that is asked to leave.
        seconds: How long a pack takes.
        workers: How many packs train at a time; may be changed while the pool is in use.
    """

    def __init__(
        self,
        answer: Callable[[PackTask], PackOutcome | PackFailed],
        *,
        leave: Callable[[PackTask], PackOutcome] | None = None,
        seconds: Callable[[PackTask], float] = lambda task: 1.0,  # noqa: ARG005
        workers: int = 1,
    ) -> None:
        self._answer = answer
        self._leave = leave
        self._seconds = seconds
        self.workers = workers
        self.placement = Placement(workers=workers, cpus=1, gpus=0)
        self._now = 0.0
        # The end, a number that keeps packs of one end in order, and the pack.
        self._running: list[tuple[float, int, PackTask]] = []
        self._submitted = 0
        self._left: list[Event] = []

    def clock(self) -> float:
        """Simulated seconds since the pool was made; stands in for `time.monotonic`."""
        return self._now

    def submit(self, task: PackTask) -> None:
        """Have a pack answered when its time has come."""
        if len(self._running) >= self.workers:
            raise RuntimeError(f"{self.workers} packs train at a time; found one more, {task.pack_id}")
        heapq.heappush(self._running, (self._now + self._seconds(task), self._submitted, task))
        self._submitted += 1

    def wait(self, timeout: float) -> list[Event]:
        """Go on to the next end of a pack, or by the timeout."""
        if self._left:
            left, self._left = self._left, []
            return left
        if not self._running or self._running[0][0] > self._now + timeout:
            self._now += timeout
            return []
        self._now, _, task = heapq.heappop(self._running)
        return [self._answer(task)]

    def ask_to_leave(self, *, at_once: bool = False) -> None:  # noqa: ARG002
        """End all packs now, where it is said what comes of them; otherwise they pay no heed."""
        if self._leave is not None:
            self._left.extend(self._leave(task) for _, _, task in sorted(self._running))
            self._running.clear()
