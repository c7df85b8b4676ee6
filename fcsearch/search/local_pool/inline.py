"""A pool of one worker: the calling process itself."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import torch

from fcsearch.data import Dataset
from fcsearch.search.local_pool.failures import pack_failure
from fcsearch.search.planning.placement import Placement, local_node, place
from fcsearch.search.planning.plan import SearchPlan
from fcsearch.search.pool.interface import IDLE_SECONDS, Event, Pool
from fcsearch.search.pool.messages import PackTask, Place
from fcsearch.search.pool.pack_run import PackRun
from fcsearch.training import TrainingData
from fcsearch.training.denormals import flushed_denormals


@contextlib.contextmanager
def open_inline_pool(plan: SearchPlan, dataset: Dataset) -> Iterator[Pool]:
    """Train packs in this process, in the thread that asks for them.

    The settings of torch (threads, TF32, denormals) are restored when the block ends.

    Args:
        plan: Says with how many threads, and whether on a GPU.
        dataset: What is learned.
    """
    placement = plan.placement or place(plan.options, [local_node()])
    device = torch.device("cuda:0" if placement.gpus else "cpu")
    data = TrainingData.from_arrays(**dataset.training_arrays(plan.space.known_objective.name), device=device)
    threads, tf32 = torch.get_num_threads(), torch.backends.cuda.matmul.allow_tf32
    try:
        torch.set_num_threads(placement.threads)
        torch.backends.cuda.matmul.allow_tf32 = placement.tf32
        with flushed_denormals():
            yield InlinePool(placement, data, Place(socket.gethostname(), str(device)))
    finally:
        torch.set_num_threads(threads)
        torch.backends.cuda.matmul.allow_tf32 = tf32


class InlinePool:
    """Trains its pack epoch by epoch, for as long as `wait` may wait.

    Args:
        placement: One worker.
        data: The rows, on the device that it trains on.
        place: Where that is.
    """

    workers = 1

    def __init__(self, placement: Placement, data: TrainingData, place: Place) -> None:
        self.placement = placement
        self._data = data
        self._place = place
        self._task: PackTask | None = None
        self._run: PackRun | None = None
        self._leaving = False

    def submit(self, task: PackTask) -> None:
        """Take a pack."""
        if self._task is not None:
            raise RuntimeError(f"one pack trains at a time; found pack {task.pack_id} beside {self._task.pack_id}")
        self._task = task
        self._leaving = False

    def wait(self, timeout: float) -> list[Event]:
        """Train whole epochs, at least one, until the time is up or the pack is over."""
        if self._task is None:
            time.sleep(min(timeout, IDLE_SECONDS))
            return []
        try:
            event = self._train(self._task, timeout)
        except Exception as error:  # noqa: BLE001 (whatever training raises is the pack's failure)
            event = pack_failure(self._task.pack_id, error)
            self._let_go()
        return [event]

    def ask_to_leave(self, *, at_once: bool = False) -> None:  # noqa: ARG002
        """End the pack before its next epoch."""
        self._leaving = True

    def _train(self, task: PackTask, seconds: float) -> Event:
        if self._run is None:
            self._run = PackRun(task, self._data, self._place)
        if not self._leaving:
            self._run.train(seconds=seconds)
            if not self._run.over:
                return self._run.progress()
        outcome = self._run.outcome()
        self._let_go()
        return outcome

    def _let_go(self) -> None:
        self._task = None
        self._run = None
        if self._data.device.type == "cuda":
            torch.cuda.empty_cache()
