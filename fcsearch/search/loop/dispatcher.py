"""Decides what each free worker trains next, and sees that every outcome is recorded.

The sampler and the files have a thread of their own, so that a device waits for neither: packs are asked for ahead
while others train, and outcomes are recorded while the next pack trains already. That thread does its work in the order
in which it was given. With one worker that order, and so every suggestion, is the same in every run of one seed: pack
k+2 is asked for after pack k was told and before pack k+1 was.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from fcsearch.errors import SearchError
from fcsearch.search.loop.standings import Standings
from fcsearch.search.planning.planner import Planner
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.asha import Asha, Rungs, rung_values
from fcsearch.search.pool.messages import MemberOutcome, PackOutcome, PackTask
from fcsearch.search.record import rows
from fcsearch.search.record.ledger import Model, Row

logger = logging.getLogger(__name__)

# Packs that are asked for before a worker is free to train them.
_AHEAD = 1
# A trial is given up after so many errors in a pack of one.
_TRIES = 2
# Or after so many lost workers: a machine that sleeps or is taken away is not the trial's fault, but a trial may also
# be what ends its worker's process.
_LOST_WORKERS = 5
# So many workers in a row that do not even start end the search: the fault is not in the trials.
_START_FAILURES = 3

# What Ray says of an actor that died or could not be reached, in place of raising an error: Tune hands on the text.
_LOST = re.compile(r"^The actor (died unexpectedly|\S+ is unavailable)", re.MULTILINE)
# The line of a traceback that names its exception: `RuntimeError: out of memory`.
_EXCEPTION = re.compile(r"[\w.]*(Error|Exception|Interrupt)\b(:|$)")

_Trials = tuple[PlannedTrial, ...]


@dataclasses.dataclass(frozen=True)
class Failure:
    """What came of a pack that could not be trained: why, and the rows of the trials that are given up."""

    cause: str
    rows: list[dict[str, Any]] = dataclasses.field(default_factory=list)


class Books(Protocol):
    """What the dispatcher needs of a ledger."""

    def ask(self, count: int) -> list[PlannedTrial]:
        """Ask for new trials."""

    def record(
        self,
        pack_id: int,
        trials: Sequence[Row],
        epochs: Sequence[Row],
        *,
        models: Mapping[int, Model],
        keep: Collection[int],
    ) -> None:
        """Record the outcome of a pack."""


class Dispatcher:
    """Hands out packs and takes their outcomes. All calls come from one thread.

    Args:
        books: Asks for trials and records outcomes.
        planner: Sorts trials into packs.
        waiting: Trials that are in the journal already and go first.
        standings: The best of the run so far; kept up to date.
        asha: The rule of early stopping; None: trials train to their end.
        rungs: What other trials recorded at the rungs.
        workers: How many packs train at a time.
        keep_models: How many trials keep their weights.
        next_pack_id: Gives a number that no pack of the run has.
        model_metadata: What a saved model's metadata says beside its configuration (JSON types).
    """

    def __init__(
        self,
        books: Books,
        planner: Planner,
        *,
        waiting: Sequence[PlannedTrial],
        standings: Standings,
        asha: Asha | None,
        rungs: Mapping[int, tuple[float, ...]],
        workers: int,
        keep_models: int,
        next_pack_id: Callable[[], int],
        model_metadata: Mapping[str, Any],
    ) -> None:
        self._books = books
        self._planner = planner
        self._standings = standings
        self._asha = asha
        self._rungs = Rungs(asha, rungs) if asha else None
        self._workers = workers
        self._keep_models = keep_models
        self._next_pack_id = next_pack_id
        self._model_metadata = model_metadata
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._ready: deque[_Trials] = deque(planner.packs(waiting, spread=True))
        self._asked: deque[Future[list[_Trials]]] = deque()
        self._recording: deque[Future[None]] = deque()
        self._errors: Counter[int] = Counter()
        self._losses: Counter[int] = Counter()
        self._start_failures = 0
        self._start_error = ""
        self._running: dict[int, PackTask] = {}
        self._closing = False
        self.first_error: str | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing trains and nothing more will."""
        return not self._running and (self._closing or not (self._ready or self._asked or self._planner.remaining))

    def next_task(self) -> PackTask | None:
        """The pack that the next free worker is to train; None if no worker is free, or there is nothing to train.

        Waits for the sampler, if no pack is ready: there is nothing better to do, and Tune ends the process of a free
        worker that gets no pack.
        """
        if self._closing or len(self._running) >= self._workers:
            return None
        self._ask_ahead()
        while not self._ready and self._asked:
            self._ready.extend(self._asked.popleft().result())
        if not self._ready:
            return None
        task = PackTask(
            pack_id=self._next_pack_id(),
            trials=self._ready.popleft(),
            asha=self._asha,
            rungs=self._rungs.values() if self._rungs else {},
            keep_models=self._keep_models,
            weights_above=self._standings.threshold,
        )
        self._running[task.pack_id] = task
        logger.info("pack %d of %d trials is handed out", task.pack_id, len(task.trials))
        self._ask_ahead()
        return task

    def finish(self, outcome: PackOutcome) -> list[dict[str, Any]]:
        """Take the outcome of a pack, and return the rows of its trials; they are recorded in the background."""
        self._running.pop(outcome.pack_id).release()
        self._start_failures = 0
        for line in outcome.log:
            logger.warning("%s: %s", outcome.place.node, line)
        found = rows.trial_rows(outcome)
        place = outcome.place
        logger.info("pack %d ended on %s, %s: %d trials", outcome.pack_id, place.node, place.device, len(found))
        self._standings.add(found)
        if self._rungs and self._asha:
            self._rungs.extend(rung_values(self._asha, {m.trial_id: _history(m) for m in outcome.members}))
        best = self._standings.trial_ids
        models = {m.trial_id: self._model(m) for m in outcome.members if m.trial_id in best}
        self._record(outcome.pack_id, found, rows.epoch_rows(outcome), models)
        return found

    def fail(self, pack_id: int, error: str, *, started: bool) -> Failure:
        """Take note that a pack raised an error or lost its worker.

        A pack of several is halved, until the trial at fault is alone. A trial that fails alone is tried once more, or
        a few times more where its worker was lost.

        Args:
            pack_id: The pack.
            error: What happened: the last line is the cause.
            started: Whether the worker got as far as to train. If not, the trials are not at fault; when several
                workers in a row do not, `check` ends the search.
        """
        task = self._running.pop(pack_id)
        trials, cause = task.trials, cause_of(error)
        logger.error("pack %d failed: %s\n%s", pack_id, cause, error)
        self.first_error = self.first_error or cause
        if not started:
            self._start_failures += 1
            self._start_error = cause
            self._ready.appendleft(trials)
            return Failure(cause)
        if len(trials) > 1:
            middle = len(trials) // 2
            self._ready.extendleft((trials[middle:], trials[:middle]))
            return Failure(cause)
        [trial] = trials
        (self._losses if _LOST.search(error) else self._errors)[trial.trial_id] += 1
        if self._errors[trial.trial_id] < _TRIES and self._losses[trial.trial_id] < _LOST_WORKERS:
            self._ready.appendleft(trials)
            return Failure(cause)
        found = rows.failed_rows(task, cause)
        self._record(pack_id, found, [], {})
        return Failure(cause, found)

    def check(self) -> None:
        """Raise what ends the search, if something does.

        Raises:
            SearchError: workers do not start.
            FcsearchError: what the background thread could not do.
        """
        if self._start_failures >= _START_FAILURES:
            raise SearchError(
                f"workers must be able to start; {self._start_failures} in a row did not: {self._start_error}"
            )
        while self._recording and self._recording[0].done():
            self._recording.popleft().result()

    def close(self) -> None:
        """Hand out no more packs. Those in training may still come to an end."""
        self._closing = True

    def shutdown(self) -> None:
        """Wait until all outcomes are recorded; trials that were to be asked for are not."""
        self._closing = True
        for future in self._asked:
            future.cancel()
        self._thread.shutdown(wait=True)
        for recording in self._recording:
            recording.result()

    def _ask_ahead(self) -> None:
        free = self._workers - len(self._running)
        while len(self._ready) + len(self._asked) < free + _AHEAD and (count := self._planner.next_count()):
            self._asked.append(self._thread.submit(self._ask, count))

    def _ask(self, count: int) -> list[_Trials]:
        return self._planner.packs(self._books.ask(count))

    def _record(self, pack_id: int, trials: Sequence[Row], epochs: Sequence[Row], models: Mapping[int, Model]) -> None:
        keep = self._standings.trial_ids
        if trials:
            self._recording.append(
                self._thread.submit(self._books.record, pack_id, trials, epochs, models=models, keep=keep)
            )

    def _model(self, member: MemberOutcome) -> Model:
        return Model(member.result.weights, {"config": member.result.config.to_json(), **self._model_metadata})


def _history(member: MemberOutcome) -> dict[int, float]:
    return {e.epoch: e.val_accuracy for e in member.result.epochs if e.val_accuracy is not None}


def cause_of(error: str) -> str:
    """One line of an error that Tune reports: that which names the exception, or the first of Ray's own messages."""
    lines = [line.strip() for line in error.splitlines() if line.strip() and not line.startswith("Failure # ")]
    named = [line for line in lines if _EXCEPTION.match(line)]
    return (named or [*lines, "unknown error"])[-1 if named else 0]
