"""Ray Tune runs the packs: one Tune trial a pack, on actors that are reused from pack to pack."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, cast

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.search import Searcher

from fcsearch.search.loop.dispatcher import Dispatcher, Failure
from fcsearch.search.planning.placement import Placement
from fcsearch.search.pool.messages import PackOutcome, Progress
from fcsearch.search.ray_pool.cluster import environment
from fcsearch.search.ray_pool.worker import MESSAGE, TASK, PackWorker

_SETTINGS = {
    # Tune's console, loggers, snapshots and signal handler: the run directory and the live view are ours.
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": str(10**9),
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": str(10**9),
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}

Rows = list[dict[str, Any]]


class Events(Protocol):
    """What the driver wants to hear of the packs."""

    def progressed(self, progress: Progress) -> None:
        """A pack reports how it goes."""

    def ended(self, outcome: PackOutcome, rows: Rows) -> None:
        """A pack came to an end, with the rows of the trials that did."""

    def failed(self, pack_id: int, failure: Failure) -> None:
        """A pack could not be trained."""

    def tick(self, leave: Callable[[], None]) -> None:
        """Some ten times a second; `leave()` asks all packs in training to end."""


def train_packs(
    dispatcher: Dispatcher,
    events: Events,
    *,
    dataset: Mapping[str, Any],
    placement: Placement,
    worker: type[PackWorker] = PackWorker,
) -> None:
    """Train packs until the dispatcher has no more.

    Args:
        dispatcher: Hands out packs and takes their outcomes.
        events: Hears of them.
        dataset: Arguments of `TrainingData.from_arrays`; put into Ray's object store once.
        placement: The workers.
        worker: What trains the packs.
    """
    trainable = tune.with_parameters(worker, dataset=dict(dataset), threads=placement.threads)
    # By default Tune starts the trials of a searcher like ours one after another.
    settings = {**_SETTINGS, "TUNE_MAX_PENDING_TRIALS_PG": str(placement.workers)}
    # It looks for result files of its own at the end, and warns of each that is not there.
    logging.getLogger("ray.tune.analysis.experiment_analysis").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="fcsearch-") as storage, environment(settings):
        tune.run(
            trainable,
            name="packs",
            search_alg=_PackSearcher(dispatcher),
            num_samples=-1,
            callbacks=[_PackCallback(dispatcher, events)],
            resources_per_trial={"cpu": placement.cpus, "gpu": placement.gpus},
            reuse_actors=True,
            max_failures=0,
            raise_on_failed_trial=False,
            trial_name_creator=str_of_pack,
            trial_dirname_creator=str_of_pack,
            storage_path=storage,
            verbose=0,
        )


def str_of_pack(trial: Trial) -> str:
    """A short name: Tune would write the whole configuration into it."""
    return f"pack-{trial.config[TASK].pack_id}"


class _PackSearcher(Searcher):
    """Gives Tune a pack whenever a worker is free."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        super().__init__()
        self._dispatcher = dispatcher

    def suggest(self, trial_id: str) -> dict[str, Any] | None:  # noqa: ARG002
        """The next pack; None: not now; FINISHED (which Tune declares to be no dict, and is): no more."""
        task = self._dispatcher.next_task()
        if task is not None:
            return {TASK: task}
        return cast(dict[str, Any], Searcher.FINISHED) if self._dispatcher.finished else None

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Pass: outcomes come by the callback, which can take them out of what Tune keeps."""

    def save(self, checkpoint_path: str) -> None:
        """Pass: the run directory is the only state."""

    def restore(self, checkpoint_path: str) -> None:
        """Pass: the run directory is the only state."""


class _PackCallback(tune.Callback):
    """Takes what workers report, and errors, to the dispatcher."""

    def __init__(self, dispatcher: Dispatcher, events: Events) -> None:
        self._dispatcher = dispatcher
        self._events = events
        self._started: set[str] = set()
        self._told_to_leave: set[str] = set()

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:  # noqa: ARG002
        self._started.add(trial.trial_id)

    def on_trial_result(
        self,
        iteration: int,  # noqa: ARG002
        trials: list[Trial],  # noqa: ARG002
        trial: Trial,  # noqa: ARG002
        result: dict[str, Any],
        **info: Any,  # noqa: ARG002
    ) -> None:
        # Out of the result: Tune keeps each trial's last one.
        message = result.pop(MESSAGE)
        if isinstance(message, PackOutcome):
            self._events.ended(message, self._dispatcher.finish(message))
        else:
            self._events.progressed(message)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:  # noqa: ARG002
        pack_id = trial.config[TASK].pack_id
        error = Path(trial.error_file).read_text(errors="replace") if trial.error_file else ""
        failure = self._dispatcher.fail(pack_id, error, started=trial.trial_id in self._started)
        self._events.failed(pack_id, failure)

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:  # noqa: ARG002
        self._dispatcher.check()
        self._events.tick(lambda: self._leave(trials))

    def _leave(self, trials: list[Trial]) -> None:
        for trial in trials:
            actor: Any = trial.temporary_state.ray_actor
            if trial.status == Trial.RUNNING and actor and trial.trial_id not in self._told_to_leave:
                self._told_to_leave.add(trial.trial_id)
                actor.leave.remote()
