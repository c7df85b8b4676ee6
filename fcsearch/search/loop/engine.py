"""The loop of a search: hands packs to a pool, takes their outcomes, and ends when all is done or the time is up."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from fcsearch.config import InputForm
from fcsearch.config.objective import OBJECTIVES
from fcsearch.config.states import UNFINISHED
from fcsearch.errors import RunError, SearchError, UsageError
from fcsearch.results.patience import storage_wait
from fcsearch.search.loop.early_end import EarlyEnd
from fcsearch.search.loop.recorder import Recorder
from fcsearch.search.loop.scheduler import Scheduler
from fcsearch.search.loop.standings import Standings
from fcsearch.search.loop.tracker import Tracker
from fcsearch.search.loop.upcoming import Upcoming
from fcsearch.search.loop.view import View
from fcsearch.search.pool.asha import Rungs
from fcsearch.search.pool.interface import Event, Notice, PackFailed, Pool
from fcsearch.search.pool.messages import MemberOutcome, PackOutcome, PackTask, Progress
from fcsearch.search.record import outcomes
from fcsearch.search.record.checkpoints import Checkpoints
from fcsearch.search.record.pack_record import Model, PackRecord

logger = logging.getLogger(__name__)

# How long to wait for an event before the clock and the user's signals are checked again.
_WAIT_SECONDS = 0.1


class Engine:
    """Trains the trials of a scheduler in a pool.

    Args:
        pool: Trains packs.
        scheduler: Decides what to train.
        recorder: Records the outcomes.
        tracker: Counts, and shows the progress.
        standings: The best of the run so far; kept up to date.
        rungs: Values of other trials at the rungs of early stopping; None: all trials train to their end.
        keep_models: How many trials keep their weights.
        predict: Whether they also keep their predictions for the validation rows.
        keep_last: Whether the weights are those of the last epoch instead of the best.
        unfinished: Whether trials that are left in the middle are recorded with what they have reached.
        next_pack_id: Returns a number that no pack of the run has.
        checkpoints: The checkpoints of the packs; None: none are kept. The recorder has them too.
        model_metadata: Metadata of a saved model besides its configuration (JSON types), by the form of its rows.
        early_end: Decides when it ends before all is done.
        clock: Seconds; simulated pools bring their own.

    Attributes:
        early_end: See there.
        abandoned: Whether packs were still training when it ended: the pool cannot be used again.
        first_error: The first cause of a pack's failure.
    """

    def __init__(
        self,
        pool: Pool,
        scheduler: Scheduler,
        recorder: Recorder,
        tracker: Tracker,
        *,
        standings: Standings,
        rungs: Rungs | None,
        keep_models: int,
        next_pack_id: Callable[[], int],
        model_metadata: Callable[[InputForm], Mapping[str, Any]],
        early_end: EarlyEnd,
        predict: bool = False,
        keep_last: bool = False,
        unfinished: bool = False,
        checkpoints: Checkpoints | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._scheduler = scheduler
        self._upcoming = Upcoming(scheduler, checkpoints)
        self._recorder = recorder
        self._tracker = tracker
        self._standings = standings
        self._rungs = rungs
        self._keep_models = keep_models
        self._predict = predict
        self._keep_last = keep_last
        self._unfinished = unfinished
        self._next_pack_id = next_pack_id
        self._checkpoints = checkpoints
        self._model_metadata = model_metadata
        self._clock = clock
        self._left = Standings(max(1, keep_models))
        self._running: dict[int, PackTask] = {}
        self.early_end = early_end
        self.abandoned = False
        self.first_error: str | None = None

    def begin(self) -> None:
        """Hand out the first packs, without waiting for any of them; errors as those of `run`, which goes on."""
        self._over()

    def run(self) -> None:
        """Train until all is done, the user or the clock ends it, or something goes wrong that ends it.

        Raises:
            SearchError: workers do not start.
            FcsearchError: what the recorder could not do.
            KeyboardInterrupt: the user interrupted twice.
        """
        try:
            while not self._over():
                for event in self._pool.wait(_WAIT_SECONDS):
                    self._take(event)
                self._recorder.check()
        finally:
            self._upcoming.close()

    def _over(self) -> bool:
        now, early_end = self._clock(), self.early_end
        early_end.look(now)
        self._tracker.deadline = early_end.deadline
        self._tracker.show(early_end.closing)
        if early_end.closing is None:
            self._hand_out()
            return not self._running and self._upcoming.finished
        if self._running and early_end.abandons(now):
            logger.warning("packs that did not end in time are abandoned: %s", sorted(self._running))
            self.abandoned = True
            return True
        self._pool.ask_to_leave(at_once=early_end.leaves_epochs(now))
        return not self._running

    def _hand_out(self) -> None:
        # What cannot be recorded yet is kept in memory, and so no more is trained.
        while storage_wait() is None and (free := self._pool.workers - len(self._running)) > 0:
            if self._scheduler.waits:
                self._tracker.show(self.early_end.closing, choosing=True)
            found = self._upcoming.next(free=free, workers=self._pool.workers)
            if found is None:
                return
            trials, checkpoint = found
            task = PackTask(
                pack_id=self._next_pack_id(),
                trials=trials,
                asha=self._rungs.asha if self._rungs else None,
                rungs=self._rungs.values() if self._rungs else {},
                keep_models=self._keep_models,
                weights_above=self._standings.threshold,
                predict=self._predict,
                keep_last=self._keep_last,
                unfinished=self._unfinished,
                checkpoints=self._checkpoints.rule if self._checkpoints else None,
            )
            self._running[task.pack_id] = task
            self._pool.submit(dataclasses.replace(task, checkpoint=checkpoint) if checkpoint else task)
            self._tracker.handed_out(task, workers=self._pool.workers)
            where = " from their checkpoint" if checkpoint else ""
            logger.info("pack %d of %d trials is handed out%s", task.pack_id, len(task.trials), where)

    def _take(self, event: Event) -> None:
        if isinstance(event, Progress):
            self._keep(event)
            self._scheduler.trains()
            if event.epoch:
                self.early_end.progressed()
            self._tracker.progressed(dataclasses.replace(event, checkpoint=None))
        elif isinstance(event, PackOutcome):
            self._finish(event)
        elif isinstance(event, Notice):
            self._tracker.noticed(event)
        else:
            self._fail(event)

    def _keep(self, event: Progress | PackOutcome) -> None:
        if event.checkpoint is None:
            return
        # Those that an outcome has are not in its checkpoint; they keep the one before until they are recorded.
        members = event.members if isinstance(event, PackOutcome) else ()
        ended = {member.trial_id for member in members if member.result.state != UNFINISHED}
        trials = [trial for trial in self._running[event.pack_id].trials if trial.trial_id not in ended]
        self._recorder.keep(event.pack_id, trials, event.checkpoint, last=isinstance(event, PackOutcome))

    def _finish(self, outcome: PackOutcome) -> None:
        self._keep(outcome)
        del self._running[outcome.pack_id]
        self._scheduler.succeeded()
        place = outcome.place
        for line in outcome.log:
            logger.warning("%s: %s", place.node, line)
        found = outcomes.trial_records(outcome)
        # The figures of the others may still change.
        ended = [trial for trial in found if trial.state != UNFINISHED]
        # Those that are unfinished may be as their checkpoint has them.
        if ended or outcome.trained_at is not None:
            self.early_end.progressed()
        self._left.add(trial for trial in found if trial.state == UNFINISHED)
        logger.info(
            "pack %d ended on %s, %s: %d trials, and %d unfinished",
            *(outcome.pack_id, place.node, place.device, len(ended), len(found) - len(ended)),
        )
        self._standings.add(ended)
        if self._rungs:
            for member in outcome.members:
                if member.result.state != UNFINISHED:
                    self._rungs.learn(_history(member), epochs=member.result.config.epochs)
        best = [*self._standings.trial_ids, *self._left.trial_ids]
        models = {member.trial_id: self._model(member) for member in outcome.members if _is_kept(member, best)}
        self._recorder.record(PackRecord(outcome.pack_id, found, outcomes.epoch_records(outcome), models, best))
        self._tracker.ended(outcome, ended)

    def _fail(self, failure: PackFailed) -> None:
        task = self._running.pop(failure.pack_id)
        logger.error("pack %d failed: %s\n%s", task.pack_id, failure.cause, failure.details)
        self.first_error = self.first_error or failure.cause
        given_up = outcomes.failed_records(self._scheduler.failed(task.trials, failure), failure.cause)
        self._recorder.record(PackRecord(task.pack_id, given_up))
        self._tracker.failed(failure, given_up)

    def _model(self, member: MemberOutcome) -> Model:
        config = member.result.config
        metadata = {"config": config.to_json(), **self._model_metadata(config.input_form)}
        return Model(member.result.weights, metadata, member.predicted)


@contextlib.contextmanager
def all_recorded(engine: Engine, recorder: Recorder, tracker: Tracker, view: View, run: Path) -> Iterator[None]:
    """Make sure that every outcome is recorded, however the block ends.

    The recorder's thread ends here, before the pool: Ray ends the process if another thread releases one of its objects
    while it shuts down.
    """
    try:
        try:
            yield
        finally:
            try:
                recorder.shutdown()
            finally:
                view.ended(tracker.status(engine.early_end.closing))
    except (UsageError, OSError) as error:
        refused = isinstance(error, OSError) or (isinstance(error, RunError) and isinstance(error.__cause__, OSError))
        if engine.early_end.note_interruption() and refused:
            # It ends as asked, and waits for storage no longer; what could not be recorded is trained again.
            view.notice(str(error))
            return
        # A run that can no longer be written is not a usage error.
        raise SearchError(f"{error}; then continue with `fcsearch resume {run}`") from error


def _is_kept(member: MemberOutcome, best: Collection[int]) -> bool:
    """Whether a member's model is saved: those of the best, and of the unfinished among them those that were sent."""
    return member.trial_id in best and (bool(member.result.weights) or member.result.state != UNFINISHED)


def _history(member: MemberOutcome) -> dict[int, float]:
    """The trial's gain by epoch."""
    objective = OBJECTIVES[member.result.objective]
    return {e.epoch: objective.gain(e.val[objective.name]) for e in member.result.epochs if objective.name in e.val}
