"""The worker: a Ray actor that holds its share of a device and trains one pack after another.

The process that drives Ray imports this file too, and never trains: torch is imported in the methods that need it. No
worker imports Ray Tune, which would take it as long as torch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import logging
import os
import socket
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import ray

from fcsearch.machine import available_cores
from fcsearch.search.planning.placement import Placement
from fcsearch.search.pool.log_lines import LogLines
from fcsearch.search.pool.messages import PackOutcome, PackTask, Place, Progress
from fcsearch.search.ray_pool.wire import Sealed
from fcsearch.training.engine.compiling import prepare_for_cpu

if TYPE_CHECKING:
    import torch

    from fcsearch.search.pool.pack_run import PackRun
    from fcsearch.training import TrainingData

# The keys of Tune's configurations and results that are ours: a pack's number, and a Message.
PACK_ID = "pack"
MESSAGE = "message"

# Tune's driver handles every report on its own: often enough for the eye, seldom enough for the driver.
_REPORT_SECONDS = 1.0


@dataclasses.dataclass(frozen=True, repr=False)
class Message:
    """A worker's message. Tune formats every result for its debug log, even if that is off, but not this."""

    content: Progress | Sealed[PackOutcome]


@dataclasses.dataclass(frozen=True)
class Rows:
    """What is learned. In here, Ray does not fetch it for every call that names it.

    Attributes:
        arrays: Ray's reference to arguments of `TrainingData.from_arrays`, in its object store.
    """

    arrays: Any


class PackWorker:
    """Trains packs. Tune reuses the actor from pack to pack; before each it calls `reset`, then we `take`.

    It has the methods of a `tune.Trainable` that Tune calls. It takes the device and the rows when it is made, and
    other rows with the first pack that needs them.

    Args:
        rows: What is learned, at first.
        placement: The workers: how many threads each computes with, and how many share a device.
        report_seconds: How long it trains between two reports.
    """

    _task: PackTask | None = None
    _run: PackRun | None = None
    _data: TrainingData | None = None

    def __init__(self, *, rows: Rows, placement: Placement, report_seconds: float = _REPORT_SECONDS) -> None:
        with _compiling(placement):
            # Ray's modules and torch's are a million objects, which live on: not to be looked through for garbage.
            gc.disable()
            from fcsearch.search.pool.computing import compute_as
            from fcsearch.search.pool.pack_run import memory_share

            gc.freeze()
            gc.enable()
        os.environ["OMP_NUM_THREADS"] = str(placement.threads)
        compute_as(placement)
        self._report_seconds = report_seconds
        self._heard_of = False
        self._lines = LogLines()
        self._place, self._device = _take_device()
        self._rows = rows
        self._learned()
        # Before any of them trains.
        self._share = memory_share(self._device, workers=placement.sharers(available_cores()))
        self._let_go()

    def reset(self) -> bool:
        """Drop the last pack; tell Tune that another may come."""
        self._let_go()
        return True

    def take(self, task: Sealed[PackTask], rows: Rows) -> None:
        """Take a pack to train, on these rows."""
        self._task = task.open()
        if rows != self._rows:
            # Let go of before others are loaded, when it trains: what fails then is this pack's failure.
            self._rows, self._data = rows, None

    def train(self) -> dict[str, Any]:
        """Train until the next report is due, or to the end of the pack; report the progress, or the outcome."""
        if self._task is None:
            raise RuntimeError("a worker must be given a pack before it trains; found none")
        if self._run is None:
            from fcsearch.search.pool.pack_run import PackRun

            # Not before: a pack that cannot be made, for want of memory say, is the pack's fault and not the worker's.
            self._run = PackRun(self._task, self._learned(), self._place, share=self._share)
        if not self._leaving:
            # The first report, after an epoch, tells where this worker is.
            self._run.train(seconds=self._report_seconds if self._heard_of else 0)
            self._heard_of = True
            if not self._run.over:
                return {MESSAGE: Message(self._run.progress())}
        outcome = self._run.outcome(self._lines.take())
        return {MESSAGE: Message(Sealed.of(outcome.pack_id, outcome)), "done": True}

    def leave(self) -> None:
        """End the pack in training at the next epoch; trials that came to an end by then count."""
        self._leaving = True

    def stop(self) -> None:
        """Pass: the process ends when Tune gives its place back."""

    def get_auto_filled_metrics(self, *, debug_metrics_only: bool) -> dict[str, Any]:  # noqa: ARG002
        """What Tune would like to know of a worker before its first report: nothing that is used."""
        return {}

    def _learned(self) -> TrainingData:
        """The rows, on the device."""
        if self._data is None:
            from fcsearch.training import TrainingData

            fetch: Callable[[Any], Mapping[str, Any]] = ray.get
            with warnings.catch_warnings():
                # The arrays are the object store's, shared by the node's workers; nothing writes to them.
                warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
                self._data = TrainingData.from_arrays(**fetch(self._rows.arrays), device=self._device)
        return self._data

    def _let_go(self) -> None:
        self._task = None
        self._run = None
        self._leaving = False
        if self._device.type == "cuda":
            import torch

            torch.cuda.empty_cache()


@contextlib.contextmanager
def _compiling(placement: Placement) -> Iterator[None]:
    """Compile what trains on a CPU beside this block, unless this machine has: it takes as long as importing torch."""
    if placement.gpus or placement.threads > 1:
        yield
        return
    compiler = threading.Thread(target=prepare_for_cpu)
    compiler.start()
    try:
        yield
    finally:
        compiler.join()


def _take_device() -> tuple[Place, torch.device]:
    import torch

    address: Callable[[], str] = ray.util.get_node_ip_address
    node = f"{socket.gethostname()} ({address()})"
    gpus = ray.get_gpu_ids()
    if not gpus:
        # Without a GPU of its own a worker may still see those of the machine; it must not touch them.
        return Place(node, "cpu"), torch.device("cpu")
    if not torch.cuda.is_available():
        logging.getLogger(__name__).warning(
            "Ray gave this worker GPU %s (CUDA_VISIBLE_DEVICES=%s), and torch %s can use none; it trains on the CPU",
            gpus[0],
            os.environ.get("CUDA_VISIBLE_DEVICES"),
            torch.__version__,
        )
        return Place(node, "cpu"), torch.device("cpu")
    # Ray shows the worker only its own GPUs: the first of them is number 0 in here.
    return Place(node, f"cuda:{gpus[0]}"), torch.device("cuda:0")
