"""Searches whose run is kept at a URL of this machine's disk."""

from pathlib import Path
from typing import Any

import inline_pool
from in_process_pool import InProcess
from search_helpers import make_space

from fcsearch.results import RunDirectory, remote, resolve_run
from fcsearch.search.api import start_search
from fcsearch.search.options import SearchOptions

PARAMETERS: dict[str, Any] = {
    "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
    "epochs": 3,
    "hidden_dim": {"choices": [8, 12]},
}


def ignored(*_: object) -> None:
    """Says nothing."""


def start(folder: Path, url: str, open_pool: Any = None) -> RunDirectory:
    """The same search, kept at a URL."""
    space = make_space(folder, dataset={"source": "digits", "num_train": 200}, trials=12, parameters=PARAMETERS)
    options = SearchOptions(seed=3, workers=1, pack_size=3, confirm=0, ensemble=0)
    path = remote.local_copy(url)
    return start_search(
        space, options, path=path, url=url, command=["fcsearch", "run"], open_pool=open_pool or InProcess()
    ).run


def resume(url: str) -> RunDirectory:
    return inline_pool.resume(RunDirectory.open(resolve_run(url))).run


def take_and_end(url: str) -> None:
    """A search on this machine that takes the run, and changes nothing."""
    path = resolve_run(url)
    remote.take(path, ignored)
    with remote.mirroring(path, ignored, ignored):
        pass
