"""What follows the trials of a search: trainings that do not compete, such as the best again with other seeds."""

from __future__ import annotations

import dataclasses
import logging
import math
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fcsearch.config import InputForm
from fcsearch.data import Dataset
from fcsearch.report.words import listing, plural, trial_list
from fcsearch.results import RunDirectory, rank_trials, remote
from fcsearch.results.records import epochs_again, row_config
from fcsearch.search.loop.early_end import Closing, EarlyEnd
from fcsearch.search.loop.engine import Engine, all_recorded
from fcsearch.search.loop.interruption import Interruption
from fcsearch.search.loop.recorder import Books, Recorder
from fcsearch.search.loop.scheduler import Scheduler
from fcsearch.search.loop.standings import Standings
from fcsearch.search.loop.tracker import Tracker
from fcsearch.search.loop.view import View
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.extent import Extent, are_best, confirmation_extent
from fcsearch.search.planning.packs import Planner
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.interface import Pool
from fcsearch.search.pool.messages import Checkpointing
from fcsearch.search.record.checkpoints import BYTES_PER_SECOND, Checkpoints
from fcsearch.search.record.confirmations import ConfirmationBooks
from fcsearch.selection.trained_again import trainings_that_count

logger = logging.getLogger(__name__)

# Packs that each worker gets, to even out their lengths.
_PACKS_PER_WORKER = 2


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What every stage of a search shares: where it writes, where it shows progress, when it ends.

    Attributes:
        run: The run directory, which is held for writing.
        view: Shows the progress.
        stop: Whether the user wants it to end.
        deadline: When the time budget is used up (`time.monotonic()`).
        began: When the command began, on the same clock.
        grace: Seconds after the deadline in which a stage may still train a first epoch, if it has trained none.
    """

    run: RunDirectory
    view: View
    stop: Interruption
    deadline: float | None
    began: float
    grace: float = 0.0


def confirmation_words(options: SearchOptions) -> str | None:
    """What comes after the trials, for people: with `auto` how long they take decides whether it does."""
    if not options.confirm:
        return None
    return f"the best again with other seeds{', if that is short' if options.confirm == 'auto' else ''}"


def find_checkpoints(
    around: Surroundings,
    waiting: Sequence[PlannedTrial],
    pool: Pool,
    *,
    stage: str,
    dataset: Dataset,
    every: float,
) -> Checkpoints:
    """The checkpoints that waiting trials can continue from; unusable files are removed, with a notice.

    Args:
        around: The run, and the view for notices.
        waiting: The trials.
        pool: The pool that trains them.
        stage: Their kind: `trials`, `confirmations` or `refit`.
        dataset: The dataset.
        every: Seconds between two checkpoints.
    """
    objective = around.run.space().for_task(dataset.task).known_objective.name
    rule = Checkpointing(every, BYTES_PER_SECOND / pool.placement.workers, f"{dataset.fingerprint} {objective}")
    found = Checkpoints(around.run.path, stage, rule)
    for line in found.recover(waiting):
        logger.warning(line)
        around.view.notice(line)
    return found


def plan_confirmation(
    run: RunDirectory, options: SearchOptions, dataset: Dataset, *, left: float = 0.0
) -> Extent | None:
    """Decide what is trained again, and write it to the manifest; None if nothing is.

    `left` is how many seconds a time budget has left for it.

    With `auto` an earlier decision is kept, as long as the same trials are the best. Until it is carried out, or the
    time is up, the winner may still change.
    """
    table = run.trials()
    ranked = rank_trials(table).to_pylist()
    before = run.manifest().confirmation
    if options.confirm == "auto" and before and are_best(before.trials, ranked):
        extent: Extent | None = Extent(before.trials, before.seeds)
    else:
        workers = run.manifest().workers or 1
        extent = confirmation_extent(options, ranked, table.to_pylist(), dataset, workers=workers, left=left)
    run.update_manifest({"confirmation": extent.to_json() if extent else None})
    return extent


def left_out_words(run: Path) -> str:
    """Why no confirmation follows where it was left to the search, and how to have one."""
    command = shlex.join(["fcsearch", "confirm", remote.address(run)])
    return f"the best are not trained again with other seeds, which would take long beside this search: `{command}`"


def out_of_time(around: Surroundings, trainings: int, stage: str) -> bool:
    """Whether the time budget is used up before a stage begins; says what is left out then."""
    if around.deadline is None or time.monotonic() <= around.deadline:
        return False
    around.view.notice(f"no time is left for the {stage} ({plural(trainings, 'training')}): it is left out")
    return True


def confirm_best(
    around: Surroundings, extent: Extent, dataset: Dataset, open_pool: Callable[[], Pool], *, every: float
) -> Closing | None:
    """Train configurations with seeds that they were not trained with yet, and record the results.

    Args:
        around: The run, the view, and when to end.
        extent: Which configurations, with which seeds. Results in the run's table are not repeated. An unfinished trial
            is trained again as far as it was, in the same schedule: what it has reached is to be confirmed.
        dataset: The dataset.
        open_pool: Opens the pool; called if there is anything to train.
        every: Seconds between two checkpoints.

    Returns:
        What ended it early, if anything did.
    """
    run = around.run
    rows = {row["trial_id"]: row for row in run.trials().to_pylist()}
    done = {(row["trial_id"], row["seed"]) for row in trainings_that_count(run)}
    # Numbered in the order of all of them, because checkpoints refer to these numbers.
    pairs = dict(enumerate((trial, seed) for seed in extent.seeds for trial in extent.trials))
    planned = [
        PlannedTrial(number, dataclasses.replace(row_config(rows[trial]), seed=seed), epochs_again(rows[trial]))
        for number, (trial, seed) in pairs.items()
        if (trial, seed) not in done
    ]
    if not planned:
        return None
    if out_of_time(around, len(planned), "confirmation"):
        return "time_budget"
    pool = open_pool()
    books = ConfirmationBooks(run, {number: trial for number, (trial, _) in pairs.items()})
    checkpoints = find_checkpoints(around, planned, pool, stage="confirmations", dataset=dataset, every=every)
    seeds = f"seed{'' if len(extent.seeds) == 1 else 's'} {listing([*map(str, extent.seeds)])}"
    around.view.started({"confirmation": f"{trial_list(extent.trials)} again, with {seeds}"})
    return train_again(
        around,
        pool,
        planned,
        books,
        checkpoints,
        keep_last=False,
        model_metadata=lambda _: {},
        what="confirmations",
    )


def train_again(
    around: Surroundings,
    pool: Pool,
    planned: Sequence[PlannedTrial],
    books: Books,
    checkpoints: Checkpoints,
    *,
    keep_last: bool,
    model_metadata: Callable[[InputForm], Mapping[str, object]],
    what: str,
) -> Closing | None:
    """Train what does not compete; returns what ended it early, if anything did. Arguments as `Engine` has them."""
    keep = len(planned) if keep_last else 0
    standings = Standings(keep, compete=False)
    # Where a cluster has no room just now, it may have later.
    workers = max(1, pool.workers)
    size = math.ceil(len(planned) / (_PACKS_PER_WORKER * workers))
    recorder = Recorder(books, checkpoints)
    planner = Planner(remaining=0, pack_size=size, learns=True)
    first = planner.packs_again(planned, (), workers=workers, kept=checkpoints.files)
    scheduler = Scheduler(planner, recorder.ask, first=first)
    tracker = Tracker(
        around.view,
        total=len(planned),
        before=(),
        standings=standings,
        deadline=around.deadline,
        gpus=pool.placement.gpus > 0,
        what=what,
    )
    engine = Engine(
        pool,
        scheduler,
        recorder,
        tracker,
        standings=standings,
        rungs=None,
        keep_models=keep,
        keep_last=keep_last,
        next_pack_id=around.run.next_pack_id,
        checkpoints=checkpoints,
        model_metadata=model_metadata,
        early_end=EarlyEnd(around.stop, around.deadline, grace=around.grace),
    )
    with all_recorded(engine, recorder, tracker, around.view, around.run.path):
        engine.run()
    return engine.early_end.closing
