"""Ray Tune as a pool: one Tune trial a pack, on actors that are reused from pack to pack.

Tune's controller is stepped from here, as `tune.run` does inside, so that the loop pulls events and is not called back.
A Tune trial's configuration is the pack's number alone: Tune copies and keeps every configuration that it ever had. The
pack itself goes straight to the actor when Tune has one for it.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray import tune
from ray.tune.experiment import Experiment, Trial

from fcsearch.search.planning.placement import Placement, local_node, place
from fcsearch.search.pool.interface import Event, Pool
from fcsearch.search.pool.messages import PackTask
from fcsearch.search.ray_pool.actors import WorkerKind
from fcsearch.search.ray_pool.cluster import ray_session
from fcsearch.search.ray_pool.controller import Controller, Packs, require_tune
from fcsearch.search.ray_pool.local_ray import environment
from fcsearch.search.ray_pool.reservations import Fitness
from fcsearch.search.ray_pool.wire import Sealed, Told
from fcsearch.search.ray_pool.worker import PACK_ID, PackWorker, Rows

if TYPE_CHECKING:
    from fcsearch.data import Dataset
    from fcsearch.search.planning.plan import SearchPlan

logger = logging.getLogger(__name__)

_SETTINGS = {
    # Tune's messages: the log and the live view are ours.
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": str(10**9),
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
}


@contextlib.contextmanager
def open_ray_pool(plan: SearchPlan, dataset: Dataset, *, worker: type[PackWorker] = PackWorker) -> Iterator[Pool]:
    """Connect to Ray, or start it, and have its workers train packs.

    Args:
        plan: Says where, and with which workers.
        dataset: What is learned; put into Ray's object store once.
        worker: What trains the packs.

    Raises:
        UsageError: the cluster cannot be reached, or has no room for the workers.
    """
    arrays = dataset.training_arrays(plan.space.known_objective.name)
    with ray_session(plan.options.address, local_node()) as nodes:
        logger.info("Ray is ready: %s", nodes)
        placement = plan.placement or place(plan.options, nodes)
        with tune_pool(placement, arrays, worker=worker) as pool:
            yield OpenPool(pool)


@contextlib.contextmanager
def tune_pool(
    placement: Placement,
    dataset: Mapping[str, Any],
    *,
    worker: type[PackWorker] = PackWorker,
    folder: Path | None = None,
    nodes: Fitness | None = None,
) -> Iterator[TunePool]:
    """A pool of sealed packs on a Ray that is connected.

    Args:
        placement: The workers.
        dataset: Arguments of `TrainingData.from_arrays`.
        worker: What trains the packs.
        folder: Where Tune keeps its files; None: in the temporary folder.
        nodes: Tells which nodes may be used; None: all.
    """
    require_tune()
    # By default Tune starts the trials of a searcher like ours one after another.
    settings = {**_SETTINGS, "TUNE_MAX_PENDING_TRIALS_PG": str(placement.workers)}
    with tempfile.TemporaryDirectory(prefix="fcsearch-", dir=folder) as storage, environment(settings):
        actor: Any = ray.remote(worker)
        kind = WorkerKind(actor, placement, _stored(dataset))
        pool = TunePool(kind, storage, nodes)
        try:
            yield pool
        finally:
            pool.close()


class TunePool:
    """As a Pool, with packs and outcomes sealed."""

    def __init__(self, worker: WorkerKind, storage: str, nodes: Fitness | None) -> None:
        self.placement = worker.placement
        self.workers = self.placement.workers
        self._worker = worker
        self._packs = Packs(worker)
        self._share = tune.PlacementGroupFactory([{"CPU": self.placement.cpus, "GPU": self.placement.gpus}])
        experiment = Experiment(
            "packs",
            # Tune asks for one and gets a worker: see `ActorManager`.
            tune.Trainable,
            num_samples=sys.maxsize,
            resources_per_trial=self._share,
            storage_path=storage,
            trial_name_creator=_name,
            trial_dirname_creator=_name,
            max_failures=0,
        )
        # Tune's own methods have no types.
        self._controller: Any = Controller(self._packs, experiment, worker, nodes)
        # Idle nodes of a cluster are free for others, or go.
        self._keeps = nodes is None
        self._keep(self.workers)

    @property
    def busy(self) -> bool:
        """Whether packs were submitted that have not ended."""
        return bool(self._packs.tasks)

    def learn(self, dataset: Mapping[str, Any]) -> None:
        """Train the packs that are submitted from now on on other rows; none is in training."""
        self._worker.rows = _stored(dataset)

    def submit(self, task: Sealed[PackTask]) -> None:
        """Have a pack trained."""
        self._packs.leaving = False
        self._packs.tasks[task.pack_id] = task
        self._packs.queue.append(task.pack_id)

    def wait(self, timeout: float) -> list[Told]:
        """What happened since the last call."""
        end = time.monotonic() + timeout
        while not self._packs.events and (left := end - time.monotonic()) > 0:
            if self.busy:
                # Waits a tenth of a second at most; without a pack it would wait for one, for minutes.
                self._controller.step()
            else:
                time.sleep(left)
        return self._packs.take_events()

    def ask_to_leave(self) -> None:
        """Ask all packs in training to end."""
        self._packs.ask_to_leave()

    def resize(self, workers: int) -> None:
        """Train so many packs at a time from now on; those in training stay, and new workers get time to start."""
        self.workers = workers
        self._controller.update_max_pending_trials(max(1, workers))
        self._keep(workers)
        self._controller.wait_for_starts()

    def close(self) -> None:
        """End all workers, also those in training."""
        self._controller.end()

    def _keep(self, workers: int) -> None:
        """Keep this machine's workers for the packs to come."""
        if self._keeps:
            self._controller.keep(self._share, workers)


class OpenPool:
    """A pool for the loop, in this process."""

    def __init__(self, pool: TunePool) -> None:
        self.placement = pool.placement
        self.workers = pool.workers
        self._pool = pool

    def ask_to_leave(self, *, at_once: bool = False) -> None:  # noqa: ARG002
        """Ask all packs in training to end."""
        self._pool.ask_to_leave()

    def submit(self, task: PackTask) -> None:
        """Have a pack trained."""
        self._pool.submit(Sealed.of(task.pack_id, task))

    def wait(self, timeout: float) -> list[Event]:
        """What happened since the last call."""
        return [event.open() if isinstance(event, Sealed) else event for event in self._pool.wait(timeout)]


def _stored(dataset: Mapping[str, Any]) -> Rows:
    """A dataset in Ray's object store."""
    return Rows(ray.put(dict(dataset)))


def _name(trial: Trial) -> str:
    """A short name for a Tune trial."""
    return f"pack-{trial.config[PACK_ID]}"
