"""A pool that trains in this process, one pack after another: whole searches without Ray, the same every time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from search_helpers import PLACE, make_space

from fcsearch.data import Dataset
from fcsearch.search.api import SearchResult, resume_search, saved_options, start_search
from fcsearch.search.loop.view import SilentView
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.placement import Placement
from fcsearch.search.planning.plan import SearchPlan
from fcsearch.search.pool.interface import Event, OpenPool, Pool
from fcsearch.search.pool.messages import PackTask
from fcsearch.search.pool.pack_run import PackRun
from fcsearch.training import TrainingData

# Of a pack's row in `trials`: what differs from run to run.
MOVING = ["train_seconds", "started_at", "finished_at", "pack_id", "node", "device", "run"]


class Killed(BaseException):
    """Stands in for SIGKILL: nothing but `finally` sees it."""


class InlinePool:
    """One worker, in this process.

    Args:
        data: The rows.
        before: Called with each pack before it is trained; what it raises ends the search.
    """

    def __init__(self, data: TrainingData, before: Callable[[PackTask], None]) -> None:
        self.placement = Placement(workers=1, cpus=1, gpus=0)
        self.workers = 1
        self._data = data
        self._before = before
        self._tasks: list[PackTask] = []

    def submit(self, task: PackTask) -> None:
        self._tasks.append(task)

    def wait(self, timeout: float) -> list[Event]:  # noqa: ARG002
        events: list[Event] = []
        for task in self._tasks:
            self._before(task)
            run = PackRun(task, self._data, PLACE)
            while not run.over:
                run.train(seconds=0)
            events.append(run.outcome())
        self._tasks.clear()
        return events

    def ask_to_leave(self) -> None:
        """Packs are trained at once: none is in training when this is called."""


def inline(before: Callable[[PackTask], None] = lambda task: None) -> OpenPool:  # noqa: ARG005
    """Opens an InlinePool."""

    @contextlib.contextmanager
    def open_pool(plan: SearchPlan, dataset: Dataset) -> Iterator[Pool]:  # noqa: ARG001
        arrays = (dataset.train.X, dataset.train.y, dataset.val.X, dataset.val.y)
        yield InlinePool(TrainingData.from_arrays(*arrays, num_classes=dataset.num_classes), before)

    return open_pool


def killed_at(pack: int) -> OpenPool:
    """The search dies when its worker gets this pack, counted from 0."""
    seen: list[int] = []

    def before(task: PackTask) -> None:
        seen.append(task.pack_id)
        if len(seen) > pack:
            raise Killed

    return inline(before)


def start(folder: Path, *, name: str = "run", open_pool: OpenPool | None = None, **keys: Any) -> SearchResult:
    """Search a small space on digits in packs of 3; `keys` are those of a space file."""
    space = make_space(folder, **{"dataset": {"source": "digits", "num_train": 200}, "trials": 12, **keys})
    options = SearchOptions(seed=3, workers=1, pack_size=3)
    return start_search(
        space, options, path=folder / name, command=["fcsearch", "run"], open_pool=open_pool or inline()
    )


def resume(result_or_run: Any, *, view: Any = None, open_pool: OpenPool | None = None) -> SearchResult:
    """Go on with a run."""
    run = result_or_run
    return resume_search(run, saved_options(run), view=view or SilentView(), open_pool=open_pool or inline())


def tables(run: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Trials and epochs, but for times, places and packs."""
    return run.trials().drop_columns(MOVING).to_pylist(), run.epochs().drop_columns(["seconds", "run"]).to_pylist()
