"""What a trial costs in the driver and the sampler: searches whose training is replaced by a result from a table."""

from __future__ import annotations

import dataclasses
import multiprocessing
import resource
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import click
import numpy as np
from common import print_table, save, spread
from result_table import ResultTable

from fcsearch.results import RunDirectory
from fcsearch.search.dispatcher import Dispatcher, Failure
from fcsearch.search.ledger import Ledger, Model, Row
from fcsearch.search.logs import output_to
from fcsearch.search.messages import PackOutcome, PackTask, PlannedTrial, Progress
from fcsearch.search.placement import Placement
from fcsearch.search.planner import Planner
from fcsearch.search.samplers import learns
from fcsearch.search.standings import Standings
from fcsearch.space import SearchSpace, load_space

SPACE = Path(__file__).parents[1] / "search_spaces" / "full.yaml"
COUNTS = (100, 1000, 10_000)


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


@click.command()
@click.option(
    "--runs", default="random:10000,tpe:10000", show_default=True, help="Samplers, and the most trials of each."
)
@click.option("--ray/--no-ray", "with_ray", default=True, help="Also with Ray Tune between driver and workers.")
@click.option("--pack-size", default=64, show_default=True)
@click.option("--workers", default=2, show_default=True, help="Packs in training at a time.")
@click.option("--epochs", default=10, show_default=True, help="Epochs of each trial.")
@click.option("--rounds", default=1, show_default=True)
@click.option("--save/--no-save", "keep", default=True, help="Whether the figures go to benchmarks/results.")
def main(runs: str, with_ray: bool, pack_size: int, workers: int, epochs: int, rounds: int, keep: bool) -> None:
    """Measure milliseconds a trial and the driver's memory in searches of 100, 1,000 and 10,000 trials.

    Training costs nothing here. TPE slows as trials gather: 10,000 of them take it some 20 minutes.

    \b
    Example:
      python benchmarks/driver.py --runs random:1000,tpe:300 --no-ray
    """
    wanted = [
        Settings(sampler, count, workers, pack_size, epochs, ray)
        for sampler, most in (pair.split(":") for pair in runs.split(","))
        for ray in ((False, True) if with_ray else (False,))
        for count in sorted({*(count for count in COUNTS if count < int(most)), int(most)})
    ]
    found: dict[Settings, list[Reading]] = {settings: [] for settings in wanted}
    for _ in range(rounds):
        for settings in wanted:
            found[settings].append(in_new_process(settings))
    rows = [row(settings, readings) for settings, readings in found.items()]
    print_table("A trial's cost without its training, and the driver's memory: medians", rows)
    if keep:
        records = [
            {**dataclasses.asdict(settings), "rounds": [dataclasses.asdict(reading) for reading in readings]}
            | {"milliseconds_a_trial": spread([reading.milliseconds for reading in readings])}
            for settings, readings in found.items()
        ]
        print(save("driver", {"searches": records}))


def row(settings: Settings, readings: Sequence[Reading]) -> dict[str, object]:
    """One line of the table."""

    def median(value: Callable[[Reading], float]) -> float:
        return spread([value(reading) for reading in readings])["median"]

    whole = spread([reading.milliseconds for reading in readings])
    return {
        "search": f"{settings.sampler}{', Ray' if settings.with_ray else ''}",
        "trials": settings.trials,
        "n": len(readings),
        "ms a trial": whole["median"],
        "q1-q3": f"{whole['q1']:.2f}-{whole['q3']:.2f}",
        "sampler ms": median(lambda r: 1000 * r.asking / settings.trials),
        "files ms": median(lambda r: 1000 * r.recording / settings.trials),
        "driver MiB": f"{median(lambda r: r.memory):.0f}",
        "grown by MiB": median(lambda r: r.grown),
    }


def in_new_process(settings: Settings) -> Reading:
    """Search in a process of its own, whose memory holds nothing else."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(search, settings).result()


def search(settings: Settings) -> Reading:
    """Search, and say what it took."""
    space = load_space(SPACE, overrides=[f"sampler={settings.sampler}", f"parameters.epochs={settings.epochs}"])
    with tempfile.TemporaryDirectory(prefix="fcsearch-bench-") as folder:
        run = RunDirectory.create(Path(folder) / "run", {"name": "driver", "state": "running"})
        with run.writing(), output_to(run.log_path):
            books = TimedBooks(Ledger(run, space, seed=0))
            dispatcher = new_dispatcher(run, books, space, settings)
            return (with_ray if settings.with_ray else on_the_spot)(dispatcher, Clock(books), settings)


def new_dispatcher(run: RunDirectory, books: TimedBooks, space: SearchSpace, settings: Settings) -> Dispatcher:
    """The search's own dispatcher and planner."""
    planner = Planner(
        remaining=settings.trials,
        pack_size=settings.pack_size,
        workers=settings.workers,
        learns=learns(space.sampler),
    )
    return Dispatcher(
        books,
        planner,
        waiting=(),
        standings=Standings(3),
        asha=None,
        rungs={},
        workers=settings.workers,
        keep_models=3,
        next_pack_id=run.next_pack_id,
        model_metadata={"input_dim": 64, "num_classes": 10},
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

    def record(
        self,
        pack_id: int,
        trials: Sequence[Row],
        epochs: Sequence[Row],
        *,
        models: Mapping[int, Model],
        keep: Collection[int],
    ) -> None:
        """Record an outcome: Parquet, models, and the journal again."""
        began = time.perf_counter()
        self._ledger.record(pack_id, trials, epochs, models=models, keep=keep)
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


def on_the_spot(dispatcher: Dispatcher, clock: Clock, settings: Settings) -> Reading:
    """Answer every pack in this process: what remains is the dispatcher, the sampler and the files."""
    table = ResultTable(settings.epochs)
    running: deque[PackTask] = deque()
    clock.restart()
    while not dispatcher.finished:
        while task := dispatcher.next_task():
            running.append(task)
        clock.add(len(dispatcher.finish(table.outcome(running.popleft()))))
        dispatcher.check()
    dispatcher.shutdown()
    clock.add(0)
    return clock.read()


def with_ray(dispatcher: Dispatcher, clock: Clock, settings: Settings) -> Reading:
    """Send every pack through Ray Tune to a worker that answers at once."""
    from fcsearch.search import tuning
    from fcsearch.search.cluster import ray_session
    from fcsearch.search.placement import Node
    from fcsearch.search.worker import MESSAGE, TASK, PackWorker

    epochs = settings.epochs

    class TableWorker(PackWorker):
        """Answers by the table."""

        def _begin(self, config: dict[str, Any]) -> None:
            self._task: PackTask = config.pop(TASK)
            self.config = {}
            self._last_result = None
            self._table = ResultTable(epochs)

        def step(self) -> dict[str, Any]:
            return {MESSAGE: self._table.outcome(self._task), "done": True}

    # train_packs has no way to name another worker.
    tuning.PackWorker = TableWorker
    placement = Placement(workers=settings.workers, cpus=1, gpus=0)
    rows, labels = np.zeros((2, 64), np.float32), np.arange(2)
    dataset = {"X_train": rows, "y_train": labels, "X_val": rows, "y_val": labels, "num_classes": 10}
    with ray_session(None, Node(cpus=settings.workers, gpus=0)):
        tuning.train_packs(dispatcher, ClockedEvents(clock), dataset=dataset, placement=placement)
        dispatcher.shutdown()
        return clock.read()


class ClockedEvents:
    """Counts the trials that come to an end after the first pack, with which the clock begins."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = False

    def progressed(self, progress: Progress) -> None:
        """Packs have no progress here."""

    def ended(self, outcome: PackOutcome, rows: list[dict[str, Any]]) -> None:  # noqa: ARG002
        """A pack came to an end."""
        if not self._began:
            self._began = True
            self._clock.restart()
        else:
            self._clock.add(len(rows))

    def failed(self, pack_id: int, failure: Failure) -> None:
        """Packs that fail again and again end the search without us."""

    def tick(self, leave: Callable[[], None]) -> None:
        """No pack is asked to leave."""


def memory_in_use() -> float:
    """Resident memory of this process in MiB; where the system does not say, the most that it ever was."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 2**20
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10


if __name__ == "__main__":
    main()
