"""A search of the real loop, ledger and files, on workers that are simulated, in time that is partly so.

What the search itself computes takes its time: the CPU time of this process counts. What it waits for does not: when
its threads have nothing to do, the clock is set to the next event. So an hour of a thousand workers takes minutes, on a
machine that may be busy with other things.
"""

from __future__ import annotations

import dataclasses
import heapq
import os
import random
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest import mock

from result_table import ResultTable
from untrained_search import SPACE, memory_in_use, untrained_engine

from fcsearch.report.running_page import write_running_page
from fcsearch.results import Manifest, RunDirectory
from fcsearch.search.loop.logs import output_to
from fcsearch.search.loop.recorder import Books, Recorder
from fcsearch.search.loop.view import SilentView
from fcsearch.search.planning.packs import Planner
from fcsearch.search.planning.placement import Placement
from fcsearch.search.planning.samplers import learns
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.interface import Event
from fcsearch.search.pool.messages import PackTask
from fcsearch.search.record.ledger import Ledger
from fcsearch.search.record.pack_record import PackRecord
from fcsearch.space import load_space


@dataclasses.dataclass(frozen=True)
class Fleet:
    """One search.

    Attributes:
        sampler: Optuna's.
        workers: How many packs train at a time.
        seconds: How long a full pack trains, on average; each takes from 0.75 to 1.25 times as long.
        pack_size: Trials in a pack.
        trials: How many.
        epochs: Epochs of each trial.
        flush: Seconds that the disk takes to have a file; they are assumed.
    """

    sampler: str
    workers: int
    seconds: float
    pack_size: int
    trials: int
    epochs: int
    flush: float


@dataclasses.dataclass(frozen=True)
class Reading:
    """What a search took.

    Attributes:
        seconds: From the first pack to the last, by the simulated clock.
        busy: Share of that time, until the last packs began, in which a worker had a pack.
        cpu: CPU seconds of the driver.
        grown: MiB of memory that came with the trials.
        files: Files in `trials/` and `epochs/`.
        tables: MiB in them.
        journal: MiB in Optuna's journal.
        report: CPU seconds of report.html, with nothing measured.
    """

    seconds: float
    busy: float
    cpu: float
    grown: float
    files: int
    tables: float
    journal: float
    report: float


class Clock:
    """CPU seconds of this process, and what was skipped."""

    def __init__(self, flush: float) -> None:
        self._flush = flush
        self._skipped = -time.process_time()

    def __call__(self) -> float:
        """Seconds."""
        return time.process_time() + self._skipped

    def skip_to(self, moment: float) -> None:
        """Set it to a later moment."""
        self._skipped += max(0.0, moment - self())

    def flushing(self) -> AbstractContextManager[object]:
        """Within this block the disk takes the time that it is assumed to take."""

        def flush(_: object) -> None:
            self._skipped += self._flush

        return mock.patch.object(os, "fsync", flush)


class CountingRecorder(Recorder):
    """Knows whether the ledger's thread has something to do."""

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._open: list[Future[Any]] = []

    def ask(self, count: int) -> Future[list[PlannedTrial]]:
        """As a Recorder."""
        asked = super().ask(count)
        self._open.append(asked)
        return asked

    def record(self, pack: PackRecord) -> None:
        """As a Recorder."""
        super().record(pack)
        self._open += self._recording

    @property
    def idle(self) -> bool:
        """Whether all that was given is done."""
        self._open = [future for future in self._open if not future.done()]
        return not self._open


class FleetPool:
    """Workers that take so long for each pack, by the clock, and answer from a table."""

    def __init__(self, fleet: Fleet, clock: Clock, idle: Callable[[], bool]) -> None:
        self.placement = Placement(workers=fleet.workers, cpus=1, gpus=0)
        self.workers = fleet.workers
        self._fleet = fleet
        self._clock = clock
        self._idle = idle
        self._table = ResultTable(fleet.epochs)
        self._draw = random.Random(0)
        # The end and the beginning of each pack in training; and the worker that is free since a moment.
        self._running: list[tuple[float, int, PackTask]] = []
        self._free = [clock()] * fleet.workers
        self.waited = 0.0
        self.trained = 0.0

    def submit(self, task: PackTask) -> None:
        """A free worker takes the pack."""
        now, takes = self._clock(), self._share(task) * self._draw.uniform(0.75, 1.25)
        self.waited += now - heapq.heappop(self._free)
        self.trained += takes
        heapq.heappush(self._running, (now + takes, task.pack_id, task))

    def _share(self, task: PackTask) -> float:
        """Seconds of a pack, which may be smaller towards the end."""
        return self._fleet.seconds * len(task.trials) / self._fleet.pack_size

    def wait(self, timeout: float) -> list[Event]:
        """Let the ledger's thread do its work, and then time pass, until a pack ends or for so long."""
        end = self._clock() + timeout
        while True:
            due = self._running[0][0] if self._running else end
            if self._idle():
                self._clock.skip_to(min(due, end))
            elif self._clock() < min(due, end):
                time.sleep(0.0005)
            if self._running and self._clock() >= due:
                ended, _, task = heapq.heappop(self._running)
                heapq.heappush(self._free, ended)
                return [self._table.outcome(task)]
            if self._clock() >= end:
                return []

    def ask_to_leave(self, *, at_once: bool = False) -> None:
        """Nobody asks."""


def search(fleet: Fleet) -> Reading:
    """Search, and say what it took."""
    space = load_space(SPACE, overrides=[f"sampler={fleet.sampler}", f"parameters.epochs={fleet.epochs}"])
    with tempfile.TemporaryDirectory(prefix="fcsearch-bench-") as folder:
        run = RunDirectory.create(Path(folder) / "run", Manifest(name="fleet", state="running", space=space.to_json()))
        clock = Clock(fleet.flush)
        with run.writing(), output_to(run.log_path, SilentView().notice), clock.flushing():
            recorder = CountingRecorder(Ledger(run, space, seed=0))
            pool = FleetPool(fleet, clock, lambda: recorder.idle)
            memory, cpu, began = memory_in_use(), time.process_time(), clock()
            planner = Planner(remaining=fleet.trials, pack_size=fleet.pack_size, learns=learns(space.sampler))
            untrained_engine(run, pool, recorder, planner, SilentView(), trials=fleet.trials, clock=clock).run()
            recorder.shutdown()
            seconds, cpu, grown = clock() - began, time.process_time() - cpu, memory_in_use() - memory
        files = [path for table in ("trials", "epochs") for path in (run.path / table).iterdir()]
        cpu_before = time.process_time()
        write_running_page(run.path, every=60)
        return Reading(
            seconds=seconds,
            busy=pool.trained / (pool.trained + pool.waited),
            cpu=cpu,
            grown=grown,
            files=len(files),
            tables=sum(path.stat().st_size for path in files) / 2**20,
            journal=run.journal_path.stat().st_size / 2**20,
            report=time.process_time() - cpu_before,
        )
