"""A pool of worker processes on this machine: one program each, told what to do through a pipe."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import connection
from typing import Any

import numpy as np

from fcsearch.data import Dataset
from fcsearch.search.local_pool.child import Child
from fcsearch.search.local_pool.fork_client import ForkClient
from fcsearch.search.local_pool.shared_rows import SharedRows, share
from fcsearch.search.local_pool.wire import Leave, Ready, SetUp, Unfit
from fcsearch.search.planning.placement import Placement, local_node, place
from fcsearch.search.planning.plan import SearchPlan
from fcsearch.search.pool.interface import IDLE_SECONDS, Event, NotStarted, Pool, WorkerLost
from fcsearch.search.pool.messages import PackTask, Progress

# Sums of fractions such as 3 x 0.33 must not fail by rounding.
_TOLERANCE = 1e-6


@contextlib.contextmanager
def open_process_pool(plan: SearchPlan, dataset: Dataset, fork_client: ForkClient | None = None) -> Iterator[Pool]:
    """Start worker processes, and end them with the block.

    Args:
        plan: Says how many, with how many threads, and on which GPUs.
        dataset: What is learned; the workers share one copy.
        fork_client: What starts the workers; it may serve other pools later. None: one that ends with the block.

    Raises:
        SearchError: the temporary folder has no room for the dataset.
    """
    placement = plan.placement or place(plan.options, [local_node()])
    data = dataset.training_arrays(plan.space.known_objective.name)
    forms = [data, *data.pop("forms", [])]
    folds = [fold for form in forms for fold in (form, *form.pop("others", []))]
    arrays = [{name: value for name, value in fold.items() if isinstance(value, np.ndarray)} for fold in folds]
    facts = [{name: value for name, value in fold.items() if not isinstance(value, np.ndarray)} for fold in folds]
    with contextlib.ExitStack() as stack:
        rows = stack.enter_context(share(arrays))
        fork_client = fork_client or stack.enter_context(contextlib.closing(ForkClient()))
        yield stack.enter_context(contextlib.closing(ProcessPool(placement, rows, facts, fork_client)))


class ProcessPool:
    """Worker processes; one that dies is replaced when there is a pack for it.

    Args:
        placement: The workers.
        rows: The rows of the dataset.
        facts: The other arguments of `TrainingData.from_arrays`, for each fold of each form.
        fork_client: What starts the workers.
    """

    def __init__(
        self, placement: Placement, rows: SharedRows, facts: Sequence[Mapping[str, Any]], fork_client: ForkClient
    ) -> None:
        self.placement = placement
        self.workers = placement.workers
        self._rows = rows
        self._facts = facts
        self._fork_client = fork_client
        # What workers in training were told since the last pack was submitted.
        self._asked: set[Leave] = set()
        self._workers: list[Child] = []
        try:
            for number in range(self.workers):
                self._workers.append(self._start(number))
        except BaseException:
            self.close()
            raise

    def submit(self, task: PackTask) -> None:
        """Give a pack to a worker that has none, one that is ready if there is one."""
        free = [number for number, worker in enumerate(self._workers) if worker.task is None]
        if not free:
            raise RuntimeError(f"{self.workers} packs train at a time; found one more, {task.pack_id}")
        number = max(free, key=lambda number: (not self._workers[number].dead, self._workers[number].ready))
        if self._workers[number].dead:
            # One that died without a pack has not been waited for.
            self._workers[number].end()
            self._workers[number] = self._start(number)
        worker = self._workers[number]
        worker.task = task
        worker.send(task)
        self._asked.clear()

    def wait(self, timeout: float) -> list[Event]:
        """The messages of the workers; waits for the first one."""
        living = {worker.pipe: worker for worker in self._workers if not worker.dead}
        if all(worker.task is None for worker in self._workers):
            timeout = min(timeout, IDLE_SECONDS)
        heard = connection.wait(list(living), timeout)
        events = [self._hear(worker) for pipe, worker in living.items() if pipe in heard]
        return [event for event in events if event is not None]

    def ask_to_leave(self, *, at_once: bool = False) -> None:
        """Ask the workers in training to end their packs."""
        leave = Leave(at_once)
        if leave not in self._asked:
            self._asked.add(leave)
            for worker in self._workers:
                if worker.task is not None:
                    worker.send(leave)

    def close(self) -> None:
        """End all workers, also those in training."""
        for worker in self._workers:
            worker.end()

    def _start(self, number: int) -> Child:
        gpu = gpu_of(number, self.placement.gpus)
        self._fork_client.revive()
        child = Child(self._fork_client, self._rows.descriptor)
        child.send(SetUp(self._rows, self._facts, self.placement, gpu))
        return child

    def _hear(self, worker: Child) -> Event | None:
        """Take a worker's message; returns the event that it causes, if any."""
        message = worker.receive()
        if message is None:
            return self._lost(worker) if worker.task is not None else None
        if isinstance(message, Ready):
            worker.process = message.process
            return None
        if isinstance(message, Unfit):
            worker.unfit = message
            return None
        assert not isinstance(message, (PackTask, SetUp, Leave))
        if not isinstance(message, Progress):
            worker.task = None
        return message

    def _lost(self, worker: Child) -> Event:
        """The failure of the pack of a dead worker."""
        assert worker.task is not None
        pack_id, worker.task = worker.task.pack_id, None
        if worker.unfit is not None:
            return NotStarted(pack_id, worker.unfit.cause, worker.unfit.details)
        kind = WorkerLost if worker.ready else NotStarted
        return kind(pack_id, f"the worker process {worker.fate()}")


def gpu_of(number: int, gpus: float) -> str | None:
    """The machine's name for the (first) GPU of a worker, as `CUDA_VISIBLE_DEVICES` takes it; None without one.

    Args:
        number: Of the worker, from 0.
        gpus: GPUs of each worker: a share of one, or whole ones.
    """
    if not gpus:
        return None
    index = number // int(1 / gpus + _TOLERANCE) if gpus < 1 else number * int(gpus)
    visible = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return visible[index] if visible else str(index)
