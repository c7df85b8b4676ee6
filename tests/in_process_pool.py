"""A pool that trains for real, in this process and without Ray: a pack is trained when it is waited for."""

import contextlib
import math
from collections.abc import Callable, Iterator

import torch
from search_helpers import NOW, PLACE

from fcsearch.data import Dataset
from fcsearch.search.planning.plan import SearchPlan
from fcsearch.search.pool.interface import PackFailed, Pool
from fcsearch.search.pool.messages import PackOutcome, PackTask
from fcsearch.search.pool.pack_run import PackRun
from fcsearch.search.pool.simulated import SimulatedPool
from fcsearch.training import TrainingData


class InProcess:
    """Opens pools, and remembers what they were given.

    Args:
        before: Called with each pack before it is trained.
    """

    def __init__(self, before: Callable[[PackTask], PackFailed | None] = lambda task: None) -> None:  # noqa: ARG005
        self.tasks: list[PackTask] = []
        self.rows: list[int] = []
        self._before = before

    @contextlib.contextmanager
    def __call__(self, plan: SearchPlan, dataset: Dataset) -> Iterator[Pool]:
        self.rows.append(len(dataset.train))
        data = TrainingData.from_arrays(**dataset.training_arrays(plan.space.known_objective.name))

        def answer(task: PackTask) -> PackOutcome | PackFailed:
            self.tasks.append(task)
            failure = self._before(task)
            if failure is not None:
                return failure
            # As workers do; two threads wait for each other where a machine has other things to do.
            threads = torch.get_num_threads()
            torch.set_num_threads(1)
            try:
                run = PackRun(task, data, PLACE)
                run.train(seconds=math.inf)
                return run.outcome()
            finally:
                torch.set_num_threads(threads)

        yield SimulatedPool(answer, leave=lambda task: PackOutcome(task.pack_id, (), PLACE, NOW))

    @property
    def seeds(self) -> list[list[int]]:
        """Of each pack the members' seeds."""
        return [[trial.config.seed for trial in task.trials] for task in self.tasks]
