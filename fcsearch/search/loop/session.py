"""One stretch of a search, from the first pack that is trained to the last."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from fcsearch.data import Dataset
from fcsearch.data.told import told
from fcsearch.errors import SearchError
from fcsearch.results import RunDirectory, TrialRecord, rank_trials
from fcsearch.results.manifest import ObservationsEntry
from fcsearch.search.loop import time_budget
from fcsearch.search.loop.early_end import Closing, EarlyEnd
from fcsearch.search.loop.engine import Engine, all_recorded
from fcsearch.search.loop.known_rungs import known_rungs
from fcsearch.search.loop.later_stages import (
    Surroundings,
    confirm_best,
    confirmation_words,
    find_checkpoints,
    left_out_words,
    plan_confirmation,
)
from fcsearch.search.loop.logs import output_to
from fcsearch.search.loop.recorder import Recorder
from fcsearch.search.loop.resumed import lines_of
from fcsearch.search.loop.scheduler import Scheduler
from fcsearch.search.loop.slow_start import slow_start
from fcsearch.search.loop.standings import Standings
from fcsearch.search.loop.tracker import Tracker
from fcsearch.search.planning.extent import candidates, confirmation_share, refits
from fcsearch.search.planning.packs import Planner
from fcsearch.search.planning.plan import SearchPlan, make_plan
from fcsearch.search.planning.samplers import learns
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.interface import OpenPool, Pool
from fcsearch.search.record.beginning import read_beginning
from fcsearch.search.record.checkpoints import clear_checkpoints
from fcsearch.search.record.ledger import Ledger
from fcsearch.search.record.outcomes import records_so_far
from fcsearch.wording import wording

EndedBy = Literal["trials", "time_budget", "interrupt", "terminate"]

logger = logging.getLogger(__name__)

# What the outcomes of packs are made of, and what ends a search. With torch its import takes a second and more: as long
# as the first packs train.
_LATER = (
    "fcsearch.training.metrics",
    "fcsearch.search.record.keeping",
    "fcsearch.report.write",
    "fcsearch.report.measure",
)


@dataclasses.dataclass(frozen=True)
class Stages:
    """The parts of a search to run.

    Attributes:
        search: Whether trials are trained.
        confirm: Whether the best configurations are trained again, as the options say.
    """

    search: bool = True
    confirm: bool = True


def run_stages(
    around: Surroundings, plan: SearchPlan, dataset: Dataset, open_pool: OpenPool, stages: Stages
) -> EndedBy:
    """Train waiting trials and new ones, until there are as many as planned; then confirm the best of them.

    A pool is opened if there is anything to train. It is also used for the confirmation, unless it still holds packs
    that the search has abandoned.

    Args:
        around: The run directory, the view, and when to end.
        plan: The plan.
        dataset: What is learned.
        open_pool: Opens what trains the packs.
        stages: Which parts there are to be.

    Returns:
        What ended it.

    Raises:
        UsageError: the cluster cannot be reached, or has no room for the workers.
        SearchError: every trial failed, none ended within the time budget, workers do not start, or the run directory
            can no longer be written.
        KeyboardInterrupt: the user interrupted twice.
    """
    run, every = around.run, plan.options.checkpoint_every
    ended_by: EndedBy = "trials"
    abandoned = False
    # A pool that trains in this process may still print what it likes.
    with output_to(run.log_path, around.view.notice, streams=plan.options.pool != "inline"):
        with contextlib.ExitStack() as stack:

            @functools.cache
            def pool() -> Pool:
                opened = stack.enter_context(open_pool(plan, dataset))
                logger.info("the pool is ready: %s", opened.placement.describe())
                return opened

            if stages.search:
                ended_by, abandoned = _train_trials(around, plan, dataset, pool)
                if abandoned:
                    stack.close()
                    pool.cache_clear()
            if ended_by not in ("interrupt", "terminate") and stages.confirm and has_result(run):
                left = time_budget.left_for_confirmation(around, plan.options, dataset)
                extent = plan_confirmation(run, plan.options, dataset, left=left)
                if extent is None and plan.options.confirm == "auto":
                    around.view.notice(left_out_words(run.path))
                if extent:
                    before = time_budget.leaving_the_refit(around, plan.options, dataset, extent)
                    closing = confirm_best(before, extent, dataset, pool, every=every)
                    ended_by = closing or ended_by
                    # The search's own time may have been up, and all of these done.
                    if closing == "time_budget":
                        run.update_manifest({"confirmation": {**extent.to_json(), "out_of_time": True}})
        if ended_by in ("trials", "time_budget") and refits(plan.options, dataset) and has_result(run):
            ended_by = _refit(around, plan, dataset, open_pool) or ended_by
        # Without the search, or where a trial failed that an earlier session had left unfinished, some still wait.
        if ended_by == "trials" and stages.search and not run.unfinished_trials():
            clear_checkpoints(run.path)
    return ended_by


def _refit(around: Surroundings, plan: SearchPlan, dataset: Dataset, open_pool: OpenPool) -> Closing | None:
    """Fit again what answers, on other rows and so on other workers; returns what ended it early, if anything did."""
    from fcsearch.search.loop.refitting import RefitPools, refit
    from fcsearch.search.record.keeping import settle_ensemble

    every = plan.options.checkpoint_every
    with RefitPools(functools.partial(open_pool, plan)) as pools:
        # The network that answers comes first: with a time budget there may be no time for the others.
        closing = refit(around, dataset, [], pools.open, every=every)
        # Without folds the members of the ensemble have learned all that they are to learn.
        if dataset.others and closing in (None, "time_budget"):
            members = settle_ensemble(around.run, dataset, plan.options.ensemble)
            closing = refit(around, dataset, members, pools.open, every=every) or closing
    return closing


def has_result(run: RunDirectory) -> bool:
    """Whether some trial can be ranked."""
    return len(rank_trials(run.trials())) > 0


def _train_trials(
    around: Surroundings, plan: SearchPlan, dataset: Dataset, open_pool: Callable[[], Pool]
) -> tuple[EndedBy, bool]:
    """Train them; returns what ended it, and whether the pool still holds packs that were abandoned."""
    run, view = around.run, around.view
    ledger = Ledger(run, plan.space, seed=plan.options.seed)
    known = _begin(ledger, run, plan, dataset)
    waiting = ledger.recover()
    if (done := len(run.finished_trials())) >= plan.trials:
        return "trials", False
    pool = open_pool()
    plan = make_plan(plan.space, plan.options, path=plan.path, placement=pool.placement, dataset=dataset)
    run.update_manifest({"pack_size": plan.pack_size, "workers": pool.placement.workers})
    keep = candidates(plan.options, plan.space, dataset)
    standings = Standings(keep)
    standings.add(map(TrialRecord.from_row, run.ended_trials().to_pylist()))
    deadline = time_budget.end_of_trials(around, plan.options, dataset)
    tracker = Tracker(
        view,
        total=plan.trials,
        before=run.ended_trials()["state"].to_pylist(),
        standings=standings,
        deadline=deadline,
        gpus=pool.placement.gpus > 0,
        then=confirmation_words(plan.options),
        then_share=confirmation_share(plan.options, trials=plan.trials),
    )
    checkpoints = find_checkpoints(
        around, waiting, pool, stage="trials", dataset=dataset, every=plan.options.checkpoint_every
    )
    recorder = Recorder(ledger, checkpoints)
    engine = Engine(
        pool,
        _scheduler(run, plan, pool, recorder, waiting, checkpoints.files),
        recorder,
        tracker,
        standings=standings,
        rungs=known_rungs(run, plan),
        keep_models=keep,
        # With folds the winner's figures are those of its predictions.
        predict=plan.options.ensemble > 0 or bool(dataset.others),
        unfinished=True,
        next_pack_id=run.next_pack_id,
        checkpoints=checkpoints,
        model_metadata=lambda form: dataset.in_form(form).model_metadata(),
        early_end=EarlyEnd(
            around.stop,
            deadline,
            grace=around.grace,
            prolong=lambda: time_budget.later_end_of_trials(
                around, plan.options, dataset, records_so_far(tracker.reached(), plan.space.known_objective)
            ),
        ),
    )
    said = lines_of(plan, run, begun=len(waiting), saved=checkpoints.files)
    view.started({**said, **known, **told(dataset, own=plan.space.learns_own_form)})
    with all_recorded(engine, recorder, tracker, view, run.path):
        engine.begin()
        for module in _LATER:
            importlib.import_module(module)
        engine.run()
    if engine.early_end.closing == "time_budget" and (
        why := slow_start(plan.options, around.began, tracker.trained_at)
    ):
        view.notice(why)
    ended_by = _verdict(run, engine, tracker)
    if ended_by == "time_budget" and tracker.counts.total() == done:
        how = "count as far as they were trained" if run.unfinished_trials() else "go on from their checkpoints"
        view.notice(f"no trial ended within the time budget: those in training {how}")
    return ended_by, engine.abandoned


def _begin(ledger: Ledger, run: RunDirectory, plan: SearchPlan, dataset: Dataset) -> dict[str, str]:
    """Put the beginning of the search into the ledger, once; returns the plan's line about it."""
    options = plan.options
    if not (options.start_from or options.tries or plan.space.tries):
        return {}
    if not ledger.begun:
        found = read_beginning(plan.space, options, trials=plan.trials, fingerprint=dataset.fingerprint)
        ledger.begin(found)
        if options.start_from:
            known = ObservationsEntry(run=options.start_from, used=len(found.observations), left_out=found.left_out)
            run.update_manifest({"observations": known})
    entry = run.manifest().observations
    if entry is None:
        return {}
    outside = f"; {entry.left_out:,} outside this space are left out" if entry.left_out else ""
    return {"known trials": f"{entry.used:,} of {entry.run}{outside}"}


def _scheduler(
    run: RunDirectory,
    plan: SearchPlan,
    pool: Pool,
    recorder: Recorder,
    waiting: Sequence[PlannedTrial],
    kept: Mapping[int, object],
) -> Scheduler:
    rest = plan.trials - len(run.finished_trials())
    waiting = waiting[:rest]
    planner = Planner(remaining=rest - len(waiting), pack_size=plan.pack_size or 1, learns=learns(plan.space.sampler))
    ended = map(TrialRecord.from_row, run.ended_trials().to_pylist())
    done = [PlannedTrial(trial.trial_id, trial.config) for trial in ended]
    first = planner.packs_again(waiting, done, workers=pool.placement.workers, kept=kept)
    return Scheduler(planner, recorder.ask, first=first)


def _verdict(run: RunDirectory, engine: Engine, tracker: Tracker) -> EndedBy:
    counts = tracker.counts
    if engine.early_end.closing in ("interrupt", "terminate"):
        return engine.early_end.closing
    if counts and counts["failed"] == counts.total() and not has_result(run):
        # Those that failed in an earlier session have their errors in the table.
        cause = engine.first_error or next(filter(None, run.trials()["error"].to_pylist()), "for an unknown cause")
        raise SearchError(f"every trial failed: {cause}{wording().files(f'; see {run.log_path}')}")
    if engine.early_end.closing == "time_budget":
        if not counts and not has_result(run):
            raise SearchError(f"no trial ended within the time budget; {wording().more_time(run.path)}")
        return "time_budget"
    return "trials"
