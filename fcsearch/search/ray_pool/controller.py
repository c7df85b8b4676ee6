"""Tune's controller, fed with packs; it reports their outcomes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from inspect import signature
from typing import Any

import ray
from ray import tune
from ray.air.execution._internal import RayActorManager
from ray.air.execution.resources import AcquiredResources, ResourceManager
from ray.tune.execution.placement_groups import PlacementGroupFactory
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Experiment, Trial
from ray.tune.search import Searcher, SearchGenerator

from fcsearch.errors import SearchError
from fcsearch.search.pool.interface import Notice
from fcsearch.search.pool.messages import PackTask
from fcsearch.search.ray_pool.actors import ActorManager, WorkerKind, silence
from fcsearch.search.ray_pool.failures import pack_failure
from fcsearch.search.ray_pool.reservations import NODE_LABEL, Fitness, Reservations
from fcsearch.search.ray_pool.wire import Sealed, Told
from fcsearch.search.ray_pool.worker import MESSAGE, PACK_ID

# How long to wait for a worker to start: its node may have left again.
_START_SECONDS = 60.0
# What is used of Ray beyond its documented interface, or is younger than most of it.
_USED: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (
        TuneController,
        ("step", "checkpoint", "update_max_pending_trials", "_process_trial_failure", "_maybe_reuse_cached_actor"),
    ),
    (RayActorManager, ("cleanup", *ActorManager.replaced)),
    (ResourceManager, Reservations.replaced),
    (AcquiredResources, ("_annotate_remote_entity",)),
    (ray.util, ("placement_group",)),
)
# With which parameters.
_PARAMETERS: tuple[tuple[Any, str, tuple[str, ...]], ...] = (
    (AcquiredResources, "_annotate_remote_entity", ("entity", "bundle", "bundle_index")),
    (ray.util, "placement_group", ("bundles", "strategy", "bundle_label_selector")),
)


class Packs(tune.Callback):
    """The packs in Tune's hands, and what Tune says of them.

    Args:
        worker: Says which rows the packs are to be trained on.
    """

    def __init__(self, worker: WorkerKind) -> None:
        self._worker = worker
        # Until a worker has it: it may bring a large checkpoint.
        self.tasks: dict[int, Sealed[PackTask] | None] = {}
        # Packs that Tune was not yet told of.
        self.queue: deque[int] = deque()
        # Why a Tune trial failed: Tune itself hands on a text.
        self.errors: dict[str, BaseException] = {}
        # Tune trials that were given a worker that had had a pack before.
        self.reused: set[str] = set()
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

    def notice(self, text: str) -> None:
        """Something for the user."""
        self._events.append(Notice(text))

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:  # noqa: ARG002
        """Give the actor its pack."""
        # Before Tune asks the actor to train: an actor does what it is asked to in that order.
        pack_id = trial.config[PACK_ID]
        actor: Any = trial.temporary_state.ray_actor
        self._actors[pack_id] = actor
        actor.take.remote(self.tasks[pack_id], self._worker.rows)
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
        """Take what a worker has to say."""
        # Out of the result: Tune keeps each trial's last one.
        event = result.pop(MESSAGE).content
        if isinstance(event, Sealed):
            self._over(trial)
        self._events.append(event)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:  # noqa: ARG002
        """Take note of a pack that failed."""
        reused, started, error = trial.trial_id in self.reused, self._over(trial), self.errors.pop(trial.trial_id)
        self._events.append(pack_failure(trial.config[PACK_ID], error, started=started, reused=reused))

    def _over(self, trial: Trial) -> bool:
        """Let go of the trial's pack; whether it had started."""
        pack_id = trial.config[PACK_ID]
        del self.tasks[pack_id]
        self.reused.discard(trial.trial_id)
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


class Controller(TuneController):
    """Tune's controller, which also tells why a trial failed, and ends at once."""

    def __init__(self, packs: Packs, experiment: Experiment, worker: WorkerKind, nodes: Fitness | None) -> None:
        search = SearchGenerator(_PackSearcher(packs.queue))
        super().__init__(search_alg=search, storage=experiment.storage, callbacks=[packs], reuse_actors=True)
        self._actor_manager: Any = ActorManager(Reservations(nodes), self._silent, worker)
        self._packs = packs
        self._starts_until = 0.0
        self._kept = 0
        search.add_configurations([experiment])

    def checkpoint(self, force: bool = False, wait: bool = False) -> None:
        """Save nothing: the run directory is the only state."""

    def end(self) -> None:
        """Kill all actors, also those in training, and give back what was reserved for them."""
        self._actor_manager.cleanup()

    def keep(self, share: PlacementGroupFactory, workers: int) -> None:
        """Let so many workers live, each with this share, while there is no pack for them.

        Tune by itself keeps one, and the others would have to import torch again. A Tune without this part does so.
        """
        cache: Any = getattr(self, "_actor_cache", None)
        if hasattr(cache, "increase_max"):
            cache.increase_max(share, workers - self._kept)
            self._kept = workers

    def wait_for_starts(self) -> None:
        """For a while, let workers that are starting start.

        Where packs are short Tune would give each pack that waits for one to a worker that gets free, and take back
        the start: no node that joins would ever train.
        """
        self._starts_until = time.monotonic() + _START_SECONDS

    def _maybe_reuse_cached_actor(self, trial: Trial) -> bool:
        if trial in self._trial_to_actor and time.monotonic() < self._starts_until:
            return False
        reused: bool = super()._maybe_reuse_cached_actor(trial)
        if reused:
            self._packs.reused.add(trial.trial_id)
        return reused

    def _silent(self, actor: Any, silent: bool) -> None:
        trial = self._actor_to_trial.get(actor)
        if trial is not None:
            self._packs.notice(silence(trial.config[PACK_ID], silent))

    def _process_trial_failure(self, trial: Trial, exception: Any) -> None:
        self._packs.errors[trial.trial_id] = exception
        super()._process_trial_failure(trial, exception)


def require_tune(
    used: Iterable[tuple[Any, tuple[str, ...]]] = _USED,
    parameters: Iterable[tuple[Any, str, tuple[str, ...]]] = _PARAMETERS,
    label: str | None = getattr(ray._raylet, "RAY_NODE_ID_KEY", None),
) -> None:
    """Raise SearchError if Ray does not have what is used of it beyond its documented interface."""
    missing = [f"{owner.__name__}.{name}" for owner, names in used for name in names if not hasattr(owner, name)]
    for owner, name, wanted in parameters:
        known = signature(getattr(owner, name)).parameters if hasattr(owner, name) else wanted
        missing += [f"{owner.__name__}.{name}({word}=)" for word in wanted if word not in known]
    missing += [f"the node label {NODE_LABEL}"] if label != NODE_LABEL else []
    if missing:
        raise SearchError(
            f"Ray must have {', '.join(missing)}; found Ray {ray.__version__}, which does not; install the Ray of "
            "constraints.txt"
        )
