"""One stretch of a search, from the first pack that is trained to the last."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import Literal

from fcsearch.config.objective import Objective
from fcsearch.data import Dataset
from fcsearch.errors import SearchError, UsageError
from fcsearch.results import RunDirectory, TrialRecord
from fcsearch.search.loop.engine import Engine
from fcsearch.search.loop.interruption import Interruption
from fcsearch.search.loop.logs import output_to
from fcsearch.search.loop.recorder import Recorder
from fcsearch.search.loop.scheduler import Scheduler
from fcsearch.search.loop.standings import Standings
from fcsearch.search.loop.tracker import Tracker
from fcsearch.search.loop.view import View
from fcsearch.search.planning.packs import Planner
from fcsearch.search.planning.plan import SearchPlan, make_plan
from fcsearch.search.planning.samplers import learns
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.asha import Asha, Rungs, rung_values
from fcsearch.search.pool.interface import OpenPool, Pool
from fcsearch.search.record.ledger import Ledger

EndedBy = Literal["trials", "time_budget", "interrupt"]

logger = logging.getLogger(__name__)


def train_trials(
    run: RunDirectory,
    plan: SearchPlan,
    dataset: Dataset,
    view: View,
    stop: Interruption,
    open_pool: OpenPool,
    *,
    deadline: float | None,
) -> EndedBy:
    """Train the trials that wait and new ones, until there are as many as planned. A pool is opened if there are any.

    Args:
        run: The run directory, which the caller holds for writing.
        plan: The plan.
        dataset: What is learned.
        view: Shows how it goes.
        stop: Whether the user wants it to end.
        open_pool: Opens what trains the packs.
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
        with open_pool(plan, dataset) as pool:
            logger.info("the pool is ready: %s", pool.placement.describe())
            plan = make_plan(plan.space, plan.options, path=plan.path, placement=pool.placement, dataset=dataset)
            run.update_manifest({"pack_size": plan.pack_size, "workers": pool.placement.workers})
            standings = Standings(plan.options.keep_models)
            standings.add(map(TrialRecord.from_row, run.trials().to_pylist()))
            tracker = Tracker(
                view,
                total=plan.trials,
                before=run.trials()["state"].to_pylist(),
                standings=standings,
                deadline=deadline,
                gpus=pool.placement.gpus > 0,
            )
            recorder = Recorder(ledger)
            engine = Engine(
                pool,
                _scheduler(run, plan, pool, recorder, waiting),
                recorder,
                tracker,
                standings=standings,
                rungs=_rungs(run, plan),
                keep_models=plan.options.keep_models,
                next_pack_id=run.next_pack_id,
                model_metadata=dataset.model_metadata(),
                stop=stop,
                deadline=deadline,
            )
            left_out = dataset.left_out()
            view.started({**plan.lines(), **({"left out": left_out} if left_out else {})})
            with _ending(engine, recorder, tracker, view):
                engine.run()
    return _verdict(run, engine, tracker)


@contextlib.contextmanager
def _ending(engine: Engine, recorder: Recorder, tracker: Tracker, view: View) -> Iterator[None]:
    """See to it that every outcome is recorded, however the block ends.

    The recorder's thread ends in here, before the pool does: Ray ends the process when another thread lets go of an
    object of its while it shuts down.
    """
    try:
        try:
            yield
        finally:
            recorder.shutdown()
            view.ended(tracker.status(engine.closing))
    except UsageError as error:
        # A run that cannot be written any more is no matter of how it was started.
        raise SearchError(str(error)) from error


def _scheduler(
    run: RunDirectory, plan: SearchPlan, pool: Pool, recorder: Recorder, waiting: Sequence[PlannedTrial]
) -> Scheduler:
    rest = plan.trials - len(run.finished_trials())
    waiting = waiting[:rest]
    planner = Planner(remaining=rest - len(waiting), pack_size=plan.pack_size or 1, learns=learns(plan.space.sampler))
    return Scheduler(planner, recorder.ask, waiting=waiting, workers=pool.placement.workers)


def _rungs(run: RunDirectory, plan: SearchPlan) -> Rungs | None:
    early = plan.space.early_stopping
    if early is None:
        return None
    asha = Asha(early.min_epochs, early.reduction_factor)
    return Rungs(asha, rung_values(asha, _histories(run, plan.space.known_objective)))


def _histories(run: RunDirectory, objective: Objective) -> dict[int, dict[int, float]]:
    """Each trial's gain by epoch."""
    histories: dict[int, dict[int, float]] = {}
    for row in run.epochs().select(["trial_id", "epoch", objective.column]).to_pylist():
        if row[objective.column] is not None:
            histories.setdefault(row["trial_id"], {})[row["epoch"]] = objective.gain(row[objective.column])
    return histories


def _verdict(run: RunDirectory, engine: Engine, tracker: Tracker) -> EndedBy:
    counts = tracker.counts
    if engine.closing == "interrupt":
        return "interrupt"
    if counts and counts["failed"] == counts.total():
        raise SearchError(f"every trial failed: {engine.first_error or 'see the log'}; see {run.log_path}")
    if engine.closing == "time_budget":
        if not counts:
            raise SearchError(
                "no trial came to an end within the time budget; give it more: "
                f"`fcsearch resume {run.path} --time-budget 1h`"
            )
        return "time_budget"
    return "trials"
