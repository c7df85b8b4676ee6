"""One stretch of a search, from the first pack that is trained to the last: Ray lives only in here."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from fcsearch.data import Dataset
from fcsearch.errors import SearchError, UsageError
from fcsearch.results import RunDirectory
from fcsearch.search.loop.dispatcher import Dispatcher
from fcsearch.search.loop.interruption import Interruption
from fcsearch.search.loop.logs import output_to
from fcsearch.search.loop.monitor import Monitor
from fcsearch.search.loop.standings import Standings
from fcsearch.search.loop.view import View
from fcsearch.search.planning.placement import Placement, local_node, place
from fcsearch.search.planning.plan import SearchPlan, make_plan
from fcsearch.search.planning.planner import Planner
from fcsearch.search.planning.samplers import learns
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.asha import Asha, rung_values
from fcsearch.search.record.ledger import Ledger

logger = logging.getLogger(__name__)

EndedBy = Literal["trials", "time_budget", "interrupt"]


def train_trials(
    run: RunDirectory,
    plan: SearchPlan,
    dataset: Dataset,
    view: View,
    stop: Interruption,
    *,
    deadline: float | None,
) -> EndedBy:
    """Train the trials that wait and new ones, until there are as many as planned. Ray is started if there are any.

    Args:
        run: The run directory, which the caller holds for writing.
        plan: The plan.
        dataset: What is learned.
        view: Shows how it goes.
        stop: Whether the user wants it to end.
        deadline: When the time budget is used up (`time.monotonic()`).

    Returns:
        What ended it.

    Raises:
        UsageError: the cluster cannot be reached, or has no room for the workers.
        SearchError: every trial failed, none came to an end within the time budget, workers do not start, or the run
            directory cannot be written any more.
        KeyboardInterrupt: the user interrupted twice.
    """
    with output_to(run.log_path):
        ledger = Ledger(run, plan.space, seed=plan.options.seed)
        waiting = ledger.recover()
        if len(run.finished_trials()) >= plan.trials:
            return "trials"
        # Here, so that what Ray says when it is imported goes to the log.
        from fcsearch.search.ray_pool.cluster import ray_session
        from fcsearch.search.ray_pool.tune_pool import train_packs

        with ray_session(plan.options.address, local_node()) as nodes:
            logger.info("Ray is ready: %s", nodes)
            placement = plan.placement or place(plan.options, nodes)
            plan = make_plan(plan.space, plan.options, path=plan.path, placement=placement, dataset=dataset)
            run.update_manifest({"pack_size": plan.pack_size, "workers": placement.workers})
            standings = Standings(plan.options.keep_models)
            standings.add(run.trials().to_pylist())
            dispatcher = _dispatcher(run, plan, placement, dataset, ledger, waiting, standings)
            monitor = Monitor(
                view,
                total=plan.trials,
                before=run.trials()["state"].to_pylist(),
                standings=standings,
                dispatcher=dispatcher,
                interruption=stop,
                deadline=deadline,
                gpus=placement.gpus > 0,
            )
            view.started(plan.lines())
            with _ending(dispatcher, monitor, view, stop):
                # The user may have lost patience while Ray was started.
                monitor.tick(lambda: None)
                train_packs(dispatcher, monitor, dataset=_arrays(dataset), placement=placement)
    return _verdict(run, monitor, dispatcher)


@contextlib.contextmanager
def _ending(dispatcher: Dispatcher, monitor: Monitor, view: View, stop: Interruption) -> Iterator[None]:
    """See to it that every outcome is recorded, however the block ends."""
    try:
        try:
            yield
        except KeyboardInterrupt:
            # The monitor's, which waited long enough for packs to end; or the user's second, which is passed on.
            if stop.again or monitor.closing is None:
                raise
        finally:
            dispatcher.shutdown()
            view.ended(monitor.status())
    except UsageError as error:
        # A run that cannot be written any more is no matter of how it was started.
        raise SearchError(str(error)) from error


def _dispatcher(
    run: RunDirectory,
    plan: SearchPlan,
    placement: Placement,
    dataset: Dataset,
    ledger: Ledger,
    waiting: Sequence[PlannedTrial],
    standings: Standings,
) -> Dispatcher:
    early = plan.space.early_stopping
    asha = Asha(early.min_epochs, early.reduction_factor) if early else None
    rest = plan.trials - len(run.finished_trials())
    waiting = waiting[:rest]
    planner = Planner(
        remaining=rest - len(waiting),
        pack_size=plan.pack_size or 1,
        workers=placement.workers,
        learns=learns(plan.space.sampler),
    )
    return Dispatcher(
        ledger,
        planner,
        waiting=waiting,
        standings=standings,
        asha=asha,
        rungs=rung_values(asha, _histories(run)) if asha else {},
        workers=placement.workers,
        keep_models=plan.options.keep_models,
        next_pack_id=run.next_pack_id,
        model_metadata=_model_metadata(dataset),
    )


def _histories(run: RunDirectory) -> dict[int, dict[int, float]]:
    histories: dict[int, dict[int, float]] = {}
    for row in run.epochs().select(["trial_id", "epoch", "val_accuracy"]).to_pylist():
        if row["val_accuracy"] is not None:
            histories.setdefault(row["trial_id"], {})[row["epoch"]] = row["val_accuracy"]
    return histories


def _verdict(run: RunDirectory, monitor: Monitor, dispatcher: Dispatcher) -> EndedBy:
    counts = monitor.counts
    if monitor.closing == "interrupt":
        return "interrupt"
    if counts and counts["failed"] == counts.total():
        raise SearchError(f"every trial failed: {dispatcher.first_error or 'see the log'}; see {run.log_path}")
    if monitor.closing == "time_budget":
        if not counts:
            raise SearchError(
                "no trial came to an end within the time budget; give it more: "
                f"`fcsearch resume {run.path} --time-budget 1h`"
            )
        return "time_budget"
    return "trials"


def _arrays(dataset: Dataset) -> Mapping[str, Any]:
    return {
        "X_train": dataset.train.X,
        "y_train": dataset.train.y,
        "X_val": dataset.val.X,
        "y_val": dataset.val.y,
        "num_classes": dataset.num_classes,
    }


def _model_metadata(dataset: Dataset) -> dict[str, Any]:
    return {
        "input_dim": dataset.input_dim,
        "num_classes": dataset.num_classes,
        "class_names": list(dataset.class_names),
        "dataset": dataset.fingerprint,
        "preprocessing": dataset.spec.preprocessing,
    }
