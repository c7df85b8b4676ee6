"""Searches whose trials cost nothing to train: what remains is the sampler, the files and, if wanted, Ray Tune."""

from __future__ import annotations

import contextlib
import dataclasses
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from result_table import ResultTable

from fcsearch.results import Manifest, RunDirectory, TrialRecord
from fcsearch.search.loop.early_end import EarlyEnd
from fcsearch.search.loop.engine import Engine
from fcsearch.search.loop.interruption import Interruption
from fcsearch.search.loop.logs import output_to
from fcsearch.search.loop.recorder import Recorder
from fcsearch.search.loop.scheduler import Scheduler
from fcsearch.search.loop.standings import Standings
from fcsearch.search.loop.tracker import Tracker
from fcsearch.search.loop.view import SilentView, View
from fcsearch.search.planning.packs import Planner
from fcsearch.search.planning.placement import Placement
from fcsearch.search.planning.samplers import learns
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.interface import Pool
from fcsearch.search.pool.simulated import SimulatedPool
from fcsearch.search.record.ledger import Ledger
from fcsearch.search.record.pack_record import PackRecord
from fcsearch.space import SearchSpace, load_space

SPACE = Path(__file__).parents[1] / "search_spaces" / "full.yaml"


@dataclasses.dataclass(frozen=True)
class Settings:
    """One search.

    Attributes:
        sampler: Optuna's.
        trials: How many.
        workers: Packs in training at a time.
        pack_size: Trials in a pack.
        epochs: Epochs that every trial has.
        with_ray: Whether packs go through Ray Tune to workers, or are answered on the spot.
    """

    sampler: str
    trials: int
    workers: int
    pack_size: int
    epochs: int
    with_ray: bool


@dataclasses.dataclass(frozen=True)
class Reading:
    """What a search took.

    Attributes:
        seconds: Wall time; with Ray since the first pack came back, so without start-up.
        trials: Trials that came to an end in that time.
        asking: Seconds in the sampler and the journal.
        recording: Seconds in Parquet files, and in telling the sampler.
        memory: MiB that the driver holds at the end.
        grown: MiB of them that came with the trials.
    """

    seconds: float
    trials: int
    asking: float
    recording: float
    memory: float
    grown: float

    @property
    def milliseconds(self) -> float:
        """Wall time a trial."""
        return 1000 * self.seconds / self.trials


def search(settings: Settings) -> Reading:
    """Search, and say what it took."""
    space = load_space(SPACE, overrides=[f"sampler={settings.sampler}", f"parameters.epochs={settings.epochs}"])
    with tempfile.TemporaryDirectory(prefix="fcsearch-bench-") as folder:
        run = RunDirectory.create(Path(folder) / "run", Manifest(name="driver", state="running"))
        with run.writing(), output_to(run.log_path, SilentView().notice):
            books = TimedBooks(Ledger(run, space, seed=0))
            view = ClockedView(Clock(books), since_first=settings.with_ray)
            with (ray_pool if settings.with_ray else simulated_pool)(settings) as pool:
                train(run, pool, books, space, settings, view)
                return view.clock.read()


def train(
    run: RunDirectory, pool: Pool, books: TimedBooks, space: SearchSpace, settings: Settings, view: ClockedView
) -> None:
    """Search to the end."""
    planner = Planner(remaining=settings.trials, pack_size=settings.pack_size, learns=learns(space.sampler))
    recorder = Recorder(books)
    engine = untrained_engine(run, pool, recorder, planner, view, trials=settings.trials)
    view.clock.restart()
    engine.run()
    recorder.shutdown()
    view.clock.add(0)


def untrained_engine(
    run: RunDirectory,
    pool: Pool,
    recorder: Recorder,
    planner: Planner,
    view: View,
    *,
    trials: int,
    clock: Callable[[], float] = time.monotonic,
) -> Engine:
    """The search's own loop, by a clock."""
    standings = Standings(3)
    return Engine(
        pool,
        Scheduler(planner, recorder.ask, first=()),
        recorder,
        Tracker(view, total=trials, before=(), standings=standings, deadline=None, gpus=False, clock=clock),
        standings=standings,
        rungs=None,
        keep_models=3,
        next_pack_id=run.next_pack_id,
        model_metadata=lambda _: {"input_dim": 64, "num_classes": 10},
        early_end=EarlyEnd(Interruption()),
        clock=clock,
    )


class TimedBooks:
    """The ledger, with a clock."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.asking = 0.0
        self.recording = 0.0

    def ask(self, count: int) -> list[PlannedTrial]:
        """Ask for trials: the sampler and the journal."""
        began = time.perf_counter()
        try:
            return self._ledger.ask(count)
        finally:
            self.asking += time.perf_counter() - began

    def record(self, pack: PackRecord) -> Collection[int]:
        """Record an outcome: Parquet, models, and the journal again."""
        began = time.perf_counter()
        try:
            return self._ledger.record(pack)
        finally:
            self.recording += time.perf_counter() - began


class Clock:
    """Measures a search, from its making on or since `restart`."""

    def __init__(self, books: TimedBooks) -> None:
        self._books = books
        self.restart()

    def restart(self) -> None:
        """Begin now."""
        self.trials = 0
        self._memory = memory_in_use()
        self._began = self._ended = time.perf_counter()

    def add(self, trials: int) -> None:
        """So many trials came to an end by now."""
        self.trials += trials
        self._ended = time.perf_counter()

    def read(self) -> Reading:
        """What it took to the last call of `add`."""
        seconds, memory = self._ended - self._began, memory_in_use()
        return Reading(seconds, self.trials, self._books.asking, self._books.recording, memory, memory - self._memory)


@contextlib.contextmanager
def simulated_pool(settings: Settings) -> Iterator[Pool]:
    """Answers every pack in this process: what remains is the loop, the sampler and the files."""
    yield SimulatedPool(ResultTable(settings.epochs).outcome, seconds=lambda _: 0.0, workers=settings.workers)


@contextlib.contextmanager
def ray_pool(settings: Settings) -> Iterator[Pool]:
    """Sends every pack through Ray Tune to a worker that answers at once."""
    from fcsearch.search.planning.placement import Node
    from fcsearch.search.ray_pool.cluster import ray_session
    from fcsearch.search.ray_pool.tune_pool import OpenPool, tune_pool
    from fcsearch.search.ray_pool.wire import Sealed
    from fcsearch.search.ray_pool.worker import MESSAGE, Message, PackWorker

    epochs = settings.epochs

    class TableWorker(PackWorker):
        """Answers by the table."""

        _table: ResultTable | None = None

        def train(self) -> dict[str, Any]:
            assert self._task is not None
            self._table = self._table or ResultTable(epochs)
            return {MESSAGE: Message(Sealed.of(self._task.pack_id, self._table.outcome(self._task))), "done": True}

    placement = Placement(workers=settings.workers, cpus=1, gpus=0)
    rows, labels = np.zeros((2, 64), np.float32), np.arange(2)
    dataset = {"X_train": rows, "y_train": labels, "X_val": rows, "y_val": labels, "num_classes": 10}
    with (
        ray_session(None, Node(cpus=settings.workers, gpus=0)),
        tune_pool(placement, dataset, worker=TableWorker) as pool,
    ):
        yield OpenPool(pool)


class ClockedView(SilentView):
    """Counts the trials that come to an end.

    Args:
        clock: Counts them.
        since_first: Only those after the first pack, with which the clock begins again: without start-up.
    """

    def __init__(self, clock: Clock, *, since_first: bool) -> None:
        self.clock = clock
        self._restarts = since_first

    def recorded(self, trials: Sequence[TrialRecord]) -> None:
        """Trials came to an end."""
        if self._restarts:
            self._restarts = False
            self.clock.restart()
        else:
            self.clock.add(len(trials))


def memory_in_use() -> float:
    """Resident memory of this process in MiB; where the system does not say, the most that it ever was."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 2**20
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10
