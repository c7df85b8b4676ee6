"""Decides what each free worker trains next, and what happens to the trials of a failed pack."""

from __future__ import annotations

import dataclasses
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import Any

from fcsearch.errors import SearchError
from fcsearch.results.patience import storage_wait
from fcsearch.search.planning.packs import Planner
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.interface import CutShort, NodeLost, NotStarted, PackFailed, WorkerLost

# Packs that are asked for before a worker is free.
_AHEAD = 1
# While it waits for another thread, it looks this often whether that waits for storage.
_LOOK_SECONDS = 0.1

Trials = tuple[PlannedTrial, ...]


def arrives(result: Future[Any]) -> bool:
    """Wait for what another thread does; False if storage has to be waited for first."""
    while not result.done():
        if storage_wait() is not None:
            return False
        wait([result], timeout=_LOOK_SECONDS)
    return True


@dataclasses.dataclass(frozen=True)
class Attempts:
    """How often something is tried.

    Attributes:
        errors: A trial is given up after this many errors in a pack of one.
        lost_workers: Or after this many lost workers: a machine that sleeps or is taken away is not the trial's fault,
            but a trial may also be the reason that its worker's process ended.
        starts: This many workers in a row that do not even start end the search: the trials are not at fault.
        nodes: As do this many nodes that die under one pack before its worker starts, while no pack trains anywhere.
    """

    errors: int = 2
    lost_workers: int = 5
    starts: int = 3
    nodes: int = 10


class Scheduler:
    """The packs that wait for a worker.

    Args:
        planner: Sorts trials into packs.
        ask: Asks for new trials, in another thread.
        first: Packs of trials that are in the journal already.
        attempts: How often something is tried.
    """

    def __init__(
        self,
        planner: Planner,
        ask: Callable[[int], Future[list[PlannedTrial]]],
        *,
        first: Sequence[Trials],
        attempts: Attempts | None = None,
    ) -> None:
        self._planner = planner
        self._ask = ask
        self._attempts = attempts or Attempts()
        self._ready: deque[Trials] = deque(first)
        self._asked: deque[Future[list[PlannedTrial]]] = deque()
        self._errors: Counter[int] = Counter()
        self._losses: Counter[int] = Counter()
        # Trials of packs that have lost a worker.
        self._lost: set[int] = set()
        self._start_failures = 0
        self._lost_nodes: Counter[int] = Counter()

    @property
    def finished(self) -> bool:
        """Whether nothing waits, and nothing more will be asked for."""
        return not (self._ready or self._asked or self._planner.remaining)

    @property
    def waits(self) -> bool:
        """Whether the sampler still has to suggest the next trials."""
        return not self._ready and bool(self._asked) and not self._asked[0].done()

    def next(self, *, free: int, workers: int) -> Trials | None:
        """The trials that a free worker is to train; None if there are no more, or storage has to be waited for.

        Waits for the sampler if no pack is ready: there is nothing better to do.

        Args:
            free: Workers that train nothing, at least 1.
            workers: How many packs train at a time.
        """
        self._ask_ahead(free, workers)
        while not self._ready and self._asked:
            if not arrives(self._asked[0]):
                return None
            self._ready.extend(self._planner.packs(self._asked.popleft().result(), workers=workers))
        if not self._ready:
            return None
        trials = self._ready.popleft()
        self._ask_ahead(free - 1, workers)
        return trials

    def succeeded(self) -> None:
        """Take note that a pack was trained: workers do start."""
        self._start_failures = 0
        self.trains()

    def trains(self) -> None:
        """Take note that a pack trains: nodes do stay."""
        self._lost_nodes.clear()

    def failed(self, trials: Trials, failure: PackFailed) -> Trials:
        """Queue the trials of a failed pack to be tried again; returns those that are given up.

        A pack of several is halved, until the trial at fault is alone. Its first lost worker may not be the fault of
        any trial: then the pack stays together, as in its checkpoint. A trial that fails alone is tried once more, or a
        few times more if its worker was lost.

        Raises:
            SearchError: workers do not start, or their nodes do not stay.
        """
        self._check_start(trials, failure)
        if isinstance(failure, NotStarted):
            self._ready.appendleft(trials)
            return ()
        if isinstance(failure, CutShort) or (isinstance(failure, WorkerLost) and self._first_loss(trials)):
            self._ready.appendleft(trials)
            return ()
        if len(trials) > 1:
            middle = len(trials) // 2
            self._ready.extendleft((trials[middle:], trials[:middle]))
            return ()
        trial_id = trials[0].trial_id
        (self._losses if isinstance(failure, WorkerLost) else self._errors)[trial_id] += 1
        if self._errors[trial_id] >= self._attempts.errors or self._losses[trial_id] >= self._attempts.lost_workers:
            return trials
        self._ready.appendleft(trials)
        return ()

    def _check_start(self, trials: Trials, failure: PackFailed) -> None:
        """Raise SearchError for a failure that shows that there is no end to them."""
        if isinstance(failure, NotStarted):
            self._start_failures += 1
            if self._start_failures >= self._attempts.starts:
                raise SearchError(
                    f"workers must be able to start; {self._start_failures} in a row did not: {failure.cause}"
                )
        if isinstance(failure, NodeLost):
            # By pack: with a node go all the workers that were starting there.
            first = trials[0].trial_id
            self._lost_nodes[first] += 1
            if self._lost_nodes[first] >= self._attempts.nodes:
                raise SearchError(
                    f"a node must stay until its worker has started; {self._lost_nodes[first]} in a row died before: "
                    f"{failure.cause}; see to the cluster, then continue with `fcsearch resume`"
                )

    def _first_loss(self, trials: Trials) -> bool:
        """Whether a pack of several trials has lost its worker for the first time; take note of it."""
        ids = {trial.trial_id for trial in trials}
        first = len(ids) > 1 and self._lost.isdisjoint(ids)
        self._lost |= ids
        return first

    def _ask_ahead(self, free: int, workers: int) -> None:
        while len(self._ready) + len(self._asked) < free + _AHEAD:
            count = self._planner.next_count(workers=workers)
            if not count:
                return
            self._asked.append(self._ask(count))
