"""Whole searches in this process, without Ray, the same every time; and how they are cut short and go on."""

from pathlib import Path
from typing import Any

from in_process_pool import InProcess
from search_helpers import make_space

from fcsearch.search.api import SearchResult, resume_search, saved_options, start_search
from fcsearch.search.loop.view import SilentView
from fcsearch.search.options import SearchOptions
from fcsearch.search.pool.interface import OpenPool
from fcsearch.search.pool.messages import PackTask

# Of a pack's row in `trials`: what differs from run to run.
MOVING = ["train_seconds", "started_at", "finished_at", "pack_id", "node", "device", "run"]


class Killed(BaseException):
    """Stands in for SIGKILL: nothing but `finally` sees it."""


def killed_at(pack: int) -> InProcess:
    """The search dies when its worker gets this pack, counted from 0."""
    seen: list[int] = []

    def before(task: PackTask) -> None:
        seen.append(task.pack_id)
        if len(seen) > pack:
            raise Killed

    return InProcess(before)


def start(folder: Path, *, name: str = "run", open_pool: OpenPool | None = None, **keys: Any) -> SearchResult:
    """Search a small space on digits in packs of 3; `keys` are those of a space file."""
    space = make_space(folder, **{"dataset": {"source": "digits", "num_train": 200}, "trials": 12, **keys})
    options = SearchOptions(seed=3, workers=1, pack_size=3)
    return start_search(
        space, options, path=folder / name, command=["fcsearch", "run"], open_pool=open_pool or InProcess()
    )


def resume(run: Any, *, view: Any = None, open_pool: OpenPool | None = None) -> SearchResult:
    """Go on with a run."""
    return resume_search(run, saved_options(run), view=view or SilentView(), open_pool=open_pool or InProcess())


def tables(run: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Trials and epochs, but for times, places and packs."""
    return run.trials().drop_columns(MOVING).to_pylist(), run.epochs().drop_columns(["seconds", "run"]).to_pylist()
