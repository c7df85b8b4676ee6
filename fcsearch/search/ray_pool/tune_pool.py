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
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray import tune
from ray.air.execution import PlacementGroupResourceManager
from ray.air.execution._internal import RayActorManager
from ray.exceptions import RayActorError, RayTaskError
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Experiment, Trial
from ray.tune.search import Searcher, SearchGenerator

from fcsearch.errors import SearchError
from fcsearch.search.planning.placement import Placement, local_node, place
from fcsearch.search.pool.interface import Event, Pool
from fcsearch.search.pool.messages import PackTask
from fcsearch.search.ray_pool.cluster import ray_session
from fcsearch.search.ray_pool.failures import WorkerKilledError, pack_failure
from fcsearch.search.ray_pool.local_ray import environment
from fcsearch.search.ray_pool.wire import Sealed, Told
from fcsearch.search.ray_pool.worker import MESSAGE, PACK_ID, PackWorker

if TYPE_CHECKING:
    from fcsearch.data import Dataset
    from fcsearch.search.planning.plan import SearchPlan

logger = logging.getLogger(__name__)

_SETTINGS = {
    # Tune's messages: the log and the live view are ours.
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": str(10**9),
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}
# What is used of Tune beyond its documented interface.
_USED = (
    (TuneController, ("step", "checkpoint", "_process_trial_failure")),
    (RayActorManager, ("cleanup", "_actor_task_failed")),
)


@contextlib.contextmanager
def open_ray_pool(
    plan: SearchPlan, dataset: Dataset, *, worker: type[PackWorker] = PackWorker, folder: Path | None = None
) -> Iterator[Pool]:
    """Connect to Ray, or start it, and have its workers train packs.

    Args:
        plan: Says where, and with which workers.
        dataset: What is learned; put into Ray's object store once.
        worker: What trains the packs.
        folder: Where a Ray that is started keeps its files; None: in one that is made and removed.

    Raises:
        UsageError: the cluster cannot be reached, or has no room for the workers.
    """
    arrays = dataset.training_arrays(plan.space.known_objective.name)
    with ray_session(plan.options.address, local_node(), folder=folder) as nodes:
        logger.info("Ray is ready: %s", nodes)
        placement = plan.placement or place(plan.options, nodes)
        with tune_pool(placement, arrays, worker=worker, folder=folder) as pool:
            yield _OpenPool(pool)


@contextlib.contextmanager
def tune_pool(
    placement: Placement,
    dataset: Mapping[str, Any],
    *,
    worker: type[PackWorker] = PackWorker,
    folder: Path | None = None,
) -> Iterator[TunePool]:
    """A pool of sealed packs on a Ray that is connected.

    Args:
        placement: The workers.
        dataset: Arguments of `TrainingData.from_arrays`.
        worker: What trains the packs.
        folder: Where Tune keeps its files; None: in the temporary folder.
    """
    _require_tune()
    # By default Tune starts the trials of a searcher like ours one after another.
    settings = {**_SETTINGS, "TUNE_MAX_PENDING_TRIALS_PG": str(placement.workers)}
    with tempfile.TemporaryDirectory(prefix="fcsearch-", dir=folder) as storage, environment(settings):
        trainable = tune.with_parameters(worker, dataset=dict(dataset), placement=placement)
        pool = TunePool(placement, trainable, storage)
        try:
            yield pool
        finally:
            pool.close()


class TunePool:
    """As a Pool, with packs and outcomes sealed."""

    def __init__(self, placement: Placement, trainable: type[PackWorker], storage: str) -> None:
        self.placement = placement
        self.workers = placement.workers
        self._packs = _Packs()
        experiment = Experiment(
            "packs",
            trainable,
            num_samples=sys.maxsize,
            resources_per_trial={"cpu": placement.cpus, "gpu": placement.gpus},
            storage_path=storage,
            trial_name_creator=_name,
            trial_dirname_creator=_name,
            max_failures=0,
        )
        # Tune's own methods have no types.
        self._controller: Any = _Controller(self._packs, experiment)

    def submit(self, task: Sealed[PackTask]) -> None:
        """Have a pack trained."""
        self._packs.leaving = False
        self._packs.tasks[task.pack_id] = task
        self._packs.queue.append(task.pack_id)

    def wait(self, timeout: float) -> list[Told]:
        """What happened since the last call."""
        end = time.monotonic() + timeout
        while not self._packs.events and (left := end - time.monotonic()) > 0:
            if self._packs.tasks:
                # Waits a tenth of a second at most; without a pack it would wait for one, for minutes.
                self._controller.step()
            else:
                time.sleep(left)
        return self._packs.take_events()

    def ask_to_leave(self) -> None:
        """Ask all packs in training to end."""
        self._packs.ask_to_leave()

    def close(self) -> None:
        """End all workers, also those in training."""
        self._controller.end()


class _OpenPool:
    """A pool for the loop, in the process that drives Ray."""

    def __init__(self, pool: TunePool) -> None:
        self.placement = pool.placement
        self.workers = pool.workers
        self.ask_to_leave = pool.ask_to_leave
        self._pool = pool

    def submit(self, task: PackTask) -> None:
        self._pool.submit(Sealed.of(task.pack_id, task))

    def wait(self, timeout: float) -> list[Event]:
        return [event.open() if isinstance(event, Sealed) else event for event in self._pool.wait(timeout)]


class _Packs(tune.Callback):
    """The packs in Tune's hands, and what Tune says of them."""

    def __init__(self) -> None:
        # Until a worker has it: it may bring a large checkpoint.
        self.tasks: dict[int, Sealed[PackTask] | None] = {}
        # Packs that Tune was not yet told of.
        self.queue: deque[int] = deque()
        # Why a Tune trial failed: Tune itself hands on a text.
        self.errors: dict[str, BaseException] = {}
        self._actors: dict[int, Any] = {}
        self.leaving = False
        self._events: list[Told] = []

    @property
    def events(self) -> bool:
        """Whether something happened."""
        return bool(self._events)

    def take_events(self) -> list[Told]:
        """What happened since the last call."""
        events, self._events = self._events, []
        return events

    def ask_to_leave(self) -> None:
        """Ask packs in training to end; those that are still to start are asked when they do."""
        if not self.leaving:
            self.leaving = True
            for actor in self._actors.values():
                actor.leave.remote()

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:  # noqa: ARG002
        # Before Tune asks the actor to train: an actor does what it is asked to in that order.
        pack_id = trial.config[PACK_ID]
        actor: Any = trial.temporary_state.ray_actor
        self._actors[pack_id] = actor
        actor.take.remote(self.tasks[pack_id])
        self.tasks[pack_id] = None
        if self.leaving:
            actor.leave.remote()

    def on_trial_result(
        self,
        iteration: int,  # noqa: ARG002
        trials: list[Trial],  # noqa: ARG002
        trial: Trial,
        result: dict[str, Any],
        **info: Any,  # noqa: ARG002
    ) -> None:
        # Out of the result: Tune keeps each trial's last one.
        event = result.pop(MESSAGE).content
        if isinstance(event, Sealed):
            self._over(trial)
        self._events.append(event)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:  # noqa: ARG002
        started = self._over(trial)
        self._events.append(pack_failure(trial.config[PACK_ID], self.errors.pop(trial.trial_id), started=started))

    def _over(self, trial: Trial) -> bool:
        """Let go of the trial's pack; whether it had started."""
        pack_id = trial.config[PACK_ID]
        del self.tasks[pack_id]
        return self._actors.pop(pack_id, None) is not None


class _PackSearcher(Searcher):
    """Gives Tune the packs that are queued."""

    def __init__(self, queue: deque[int]) -> None:
        super().__init__()
        self._queue = queue

    def suggest(self, trial_id: str) -> dict[str, Any] | None:  # noqa: ARG002
        return {PACK_ID: self._queue.popleft()} if self._queue else None

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Pass: outcomes come by the callback."""


class _Controller(TuneController):
    """Tune's controller, which also tells why a trial failed, and ends at once."""

    def __init__(self, packs: _Packs, experiment: Experiment) -> None:
        search = SearchGenerator(_PackSearcher(packs.queue))
        super().__init__(search_alg=search, storage=experiment.storage, callbacks=[packs], reuse_actors=True)
        self._actor_manager: Any = _ActorManager(resource_manager=PlacementGroupResourceManager())
        self._errors = packs.errors
        search.add_configurations([experiment])

    def checkpoint(self, force: bool = False, wait: bool = False) -> None:
        """Save nothing: the run directory is the only state."""

    def end(self) -> None:
        """Kill all actors, also those in training, and give back what was reserved for them."""
        self._actor_manager.cleanup()

    def _process_trial_failure(self, trial: Trial, exception: Any) -> None:
        self._errors[trial.trial_id] = exception
        super()._process_trial_failure(trial, exception)


class _ActorManager(RayActorManager):
    """Takes any error that Ray has for an actor as its loss; Tune would end the search for some, as out of memory."""

    def _actor_task_failed(self, tracked_actor_task: Any, exception: Exception) -> None:
        if not isinstance(exception, (RayActorError, RayTaskError)):
            exception = WorkerKilledError(exception)
        super()._actor_task_failed(tracked_actor_task, exception)


def _name(trial: Trial) -> str:
    """A short name for a Tune trial."""
    return f"pack-{trial.config[PACK_ID]}"


def _require_tune(used: Iterable[tuple[type, tuple[str, ...]]] = _USED) -> None:
    """Raise SearchError if Tune does not have what is used of it beyond its documented interface."""
    missing = [f"{kind.__name__}.{name}" for kind, names in used for name in names if not hasattr(kind, name)]
    if missing:
        raise SearchError(
            f"Ray Tune must have {', '.join(missing)}; found Ray {ray.__version__}, which does not; install the Ray of "
            "constraints.txt"
        )
