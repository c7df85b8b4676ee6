"""Searches whose best are trained again with other seeds, in this process."""

from pathlib import Path
from typing import Any

from in_process_pool import InProcess
from search_helpers import make_space

from fcsearch.results import RunDirectory
from fcsearch.search.api import SearchResult, confirm_run, saved_options, start_search
from fcsearch.search.options import SearchOptions
from fcsearch.selection import Confirmation, confirmation_of

PARAMETERS: dict[str, Any] = {
    "learning_rate": {"low": 1e-3, "high": 3e-1, "log": True},
    "epochs": 4,
    "hidden_dim": {"choices": [8, 16]},
}


def search(folder: Path, pool: InProcess, report: bool = True, **options: Any) -> SearchResult:
    """A search in this process whose best two are trained again with three seeds."""
    space = make_space(folder, dataset={"source": "digits", "num_train": 300}, parameters=PARAMETERS, trials=6)
    settings = SearchOptions(**{"confirm": 2, "confirm_seeds": 3, "workers": 1, "pack_size": 3, **options})
    return start_search(space, settings, path=folder / "run", command=["fcsearch"], open_pool=pool, report=report)


def again(run: RunDirectory, pool: InProcess, **changes: Any) -> SearchResult:
    """Confirm a run that `search` made."""
    options = {**saved_options(run).to_json(), "confirm": 2, "confirm_seeds": 3, **changes}
    return confirm_run(run, SearchOptions(**options), open_pool=pool)


def pairs(run: RunDirectory) -> list[tuple[int, int]]:
    """Which trials were trained again, with which seeds."""
    return [(row["trial_id"], row["seed"]) for row in run.confirmations().to_pylist()]


def confirmation_in(run: RunDirectory) -> Confirmation:
    """The confirmation of a run that has one."""
    found = confirmation_of(run)
    assert found is not None
    return found
