"""Searches replayed on a table of learning curves, in simulated time, by the real loop, planner, rungs and samplers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import optuna
from curve_table import CurveTable
from optuna.trial import TrialState

from fcsearch.results import TrialRecord
from fcsearch.search.loop.early_end import EarlyEnd
from fcsearch.search.loop.engine import Engine
from fcsearch.search.loop.interruption import Interruption
from fcsearch.search.loop.recorder import Recorder
from fcsearch.search.loop.scheduler import Scheduler
from fcsearch.search.loop.standings import Standings
from fcsearch.search.loop.tracker import Tracker
from fcsearch.search.loop.view import SilentView
from fcsearch.search.planning.packs import Planner
from fcsearch.search.planning.samplers import learns, make_sampler
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.asha import Rungs, Standing
from fcsearch.search.pool.messages import MemberOutcome, PackOutcome, PackTask, Place
from fcsearch.search.pool.simulated import SimulatedPool
from fcsearch.search.record.pack_record import PackRecord
from fcsearch.space import SamplerSpec
from fcsearch.training import EpochMetrics, MemberResult

WORKERS = 2
# Seconds from one pack to the next, beside its training (planning/pack_cost.py).
PACK_SECONDS = 0.003
_PLACE = Place("table", "cpu")

MakeRungs = Callable[[], Rungs | None]


@dataclasses.dataclass(frozen=True)
class Way:
    """A way to search.

    Attributes:
        sampler: Who suggests.
        rungs: Makes the rungs of early stopping.
        pack: Trials in a pack.
        tries: What is tried first: values by parameter name, those that lie in the space.
    """

    sampler: SamplerSpec
    rungs: MakeRungs = lambda: None
    pack: int = 6
    tries: tuple[Mapping[str, Any], ...] = ()


@dataclasses.dataclass(frozen=True)
class Course:
    """How a search went.

    Attributes:
        times: Simulated seconds at which something better was known, ascending.
        gains: What was known then.
        trials: Trials that came to an end.
    """

    times: tuple[float, ...]
    gains: tuple[float, ...]
    trials: int

    def at(self, seconds: float) -> float:
        """The best gain that was known then."""
        known = [gain for moment, gain in zip(self.times, self.gains, strict=True) if moment <= seconds]
        return known[-1] if known else -math.inf


def replay(way: Way, table: CurveTable, *, seconds: float, seed: int) -> Course:
    """Search the table for so many simulated seconds."""
    books = TableBooks(way, table, seed)
    rungs = way.rungs()
    pool = SimulatedPool(
        lambda task: answers.pop(task.pack_id),
        leave=lambda task: PackOutcome(task.pack_id, (), _PLACE, datetime.now(UTC)),
        seconds=lambda task: _train(task, way.rungs(), table, answers),
        workers=WORKERS,
    )
    answers: dict[int, PackOutcome] = {}
    standings, recorder = Standings(1), Recorder(books)
    planner = Planner(remaining=len(table), pack_size=way.pack, learns=learns(way.sampler))
    numbers = iter(range(len(table)))
    known = Known(pool.clock, table)
    engine = Engine(
        pool,
        Scheduler(planner, recorder.ask, first=()),
        recorder,
        Tracker(known, total=len(table), before=(), standings=standings, deadline=None, gpus=False, clock=pool.clock),
        standings=standings,
        rungs=rungs,
        keep_models=1,
        next_pack_id=lambda: next(numbers),
        model_metadata=lambda _: {},
        early_end=EarlyEnd(Interruption(), seconds),
        clock=pool.clock,
    )
    engine.run()
    recorder.shutdown()
    return Course(tuple(known.times), tuple(known.gains), known.trials)


class Known(SilentView):
    """Notes when something better becomes known."""

    def __init__(self, clock: Callable[[], float], table: CurveTable) -> None:
        self._clock = clock
        self._objective = table.objective
        self.times: list[float] = []
        self.gains: list[float] = []
        self.trials = 0

    def recorded(self, trials: Sequence[TrialRecord]) -> None:
        """Trials came to an end."""
        self.trials += len(trials)
        gains = [trial.gain for trial in trials if trial.gain is not None]
        if gains and (not self.gains or max(gains) > self.gains[-1]):
            self.times.append(self._clock())
            self.gains.append(max(gains))


def new_study(table: CurveTable, seed: int, pruner: optuna.pruners.BasePruner | None = None) -> optuna.Study:
    """A study in memory, of the table's objective. HyperbandPruner draws brackets by its name."""
    direction: Literal["maximize", "minimize"] = "maximize" if table.objective.maximize else "minimize"
    return optuna.create_study(study_name=f"replay-{seed}", direction=direction, pruner=pruner)


class RowStudy:
    """A study whose suggestions are rounded to rows of the table, each of which it is told of once.

    What it learns from is the row, with its parameters and its figures, so that it learns nothing that is not so.

    Attributes:
        study: The study.
    """

    def __init__(self, table: CurveTable, sampler: optuna.samplers.BaseSampler, study: optuna.Study, seed: int) -> None:
        self.study = study
        self._table = table
        self._sampler = sampler
        self._draws = optuna.samplers.RandomSampler(seed=seed)
        self._used = np.zeros(len(table), dtype=bool)

    @property
    def left(self) -> int:
        """How many rows have not been asked for."""
        return int((~self._used).sum())

    def ask(self) -> tuple[optuna.Trial, int, dict[str, Any]]:
        """A trial, the row that is nearest to what was suggested, and the parameters of the trial: those of the row."""
        space = self._table.space
        self.study.sampler = self._sampler
        draft = self.study.ask()
        row = self._table.nearest(space.suggest(draft), self._used)
        self.study.tell(draft, state=TrialState.FAIL)
        self._used[row] = True
        self.study.sampler = self._draws
        self.study.enqueue_trial(space.encode(self._table.values[row]))
        trial = self.study.ask()
        return trial, row, space.suggest(trial)


class TableBooks:
    """Does what the ledger does, in memory: asks Optuna, rounds to rows of the table, and tells."""

    def __init__(self, way: Way, table: CurveTable, seed: int) -> None:
        self._table = table
        self._column = table.objective.column
        self._study = new_study(table, seed)
        self._rows = RowStudy(table, make_sampler(way.sampler, seed=seed), self._study, seed)
        self._tries = list(way.tries)

    def ask(self, count: int) -> list[PlannedTrial]:
        """Ask for trials; as many as the table still has."""
        return [self._ask() for _ in range(min(count, self._rows.left))]

    def _ask(self) -> PlannedTrial:
        space = self._table.space
        if self._tries:
            self._study.enqueue_trial(space.encode(self._tries.pop(0)))
        trial, _, values = self._rows.ask()
        return PlannedTrial(trial.number, space.trial_config(values, seed=0))

    def record(self, pack: PackRecord) -> Collection[int]:
        """Tell Optuna, as the ledger does."""
        last = {e.trial_id: (e.epoch, value) for e in pack.epochs if (value := getattr(e, self._column)) is not None}
        for trial in pack.trials:
            self.tell(trial.trial_id, trial.value if trial.state == "complete" else None, last.get(trial.trial_id))
        return [trial.trial_id for trial in pack.trials]

    def tell(self, number: int, value: float | None, last: tuple[int, float] | None) -> None:
        """Tell Optuna of a trial: its value, or, where it was not trained to its end, its last epoch and value."""
        if value is not None:
            self._study.tell(number, value)
            return
        if last is not None:
            trial = self._study.get_trials(deepcopy=False)[number]
            self._study._storage.set_trial_intermediate_value(trial._trial_id, *last)
        self._study.tell(number, state=TrialState.PRUNED)


def _train(task: PackTask, rungs: Rungs | None, table: CurveTable, answers: dict[int, PackOutcome]) -> float:
    """Put what comes of a pack among the answers; returns the simulated seconds that it takes."""
    if rungs is not None:
        rungs = type(rungs)(rungs.asha, task.rungs)
    rows = {i: table.row(table.space.locate(trial.config) or {}) for i, trial in enumerate(task.trials)}
    alive, ran, stopped = set(rows), dict.fromkeys(rows, 0), set[int]()
    best = dict.fromkeys(rows, -math.inf)
    epoch, seconds = 0, PACK_SECONDS
    while alive:
        epoch += 1
        standings = {}
        for i in sorted(alive):
            row, epochs = rows[i], task.trials[i].config.epochs
            seconds += table.seconds[row]
            ran[i] = epoch
            if epoch > len(table.curves[row]):
                alive.discard(i)
                continue
            best[i] = max(best[i], table.objective.gain(table.curves[row][epoch - 1]))
            if epoch == epochs:
                alive.discard(i)
            standings[i] = Standing(best[i], epochs)
        if rungs is not None:
            leaving = set(rungs.judge(epoch, standings)) & alive
            stopped |= leaving
            alive -= leaving
    now = datetime.now(UTC)
    members = [
        MemberOutcome(trial.trial_id, _result(trial, table, rows[i], ran[i], i in stopped), now)
        for i, trial in enumerate(task.trials)
    ]
    answers[task.pack_id] = PackOutcome(task.pack_id, tuple(members), _PLACE, now)
    return seconds


def _result(trial: PlannedTrial, table: CurveTable, row: int, ran: int, stopped: bool) -> MemberResult:
    name, curve, gain = table.objective.name, table.curves[row], table.objective.gain
    epochs = [
        EpochMetrics(e, 0.0, -gain(v), {}, {name: v}, learning_rate=0.0, seconds=table.seconds[row])
        for e, v in enumerate(curve[:ran], 1)
    ]
    diverged = len(curve) < ran
    if diverged:
        epochs.append(EpochMetrics(ran, None, None, {}, {}, learning_rate=0.0, seconds=table.seconds[row]))
    best = max(range(len(curve[:ran])), key=lambda e: gain(curve[e]), default=None)
    state: Literal["complete", "stopped", "diverged"] = "diverged" if diverged else "stopped" if stopped else "complete"
    return MemberResult(trial.config, state, tuple(epochs), name, None if best is None else best + 1, 0, 0.0, {})
