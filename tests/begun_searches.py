"""Small searches that begin with something: configurations that come first, or the trials of an earlier run."""

from pathlib import Path
from typing import Any

from in_process_pool import InProcess
from search_helpers import make_space

from fcsearch.search.api import SearchResult, start_search
from fcsearch.search.options import SearchOptions

PARAMETERS: dict[str, Any] = {
    "learning_rate": {"low": 1e-3, "high": 1e-1, "log": True},
    "epochs": 3,
    "hidden_dim": {"choices": [8, 16]},
    "update_rule": {"choices": ["sgd", "sgd_momentum"]},
    "momentum": {"low": 0.8, "high": 0.99, "when": {"update_rule": "sgd_momentum"}},
}
DATA = {"source": "digits", "num_train": 200}


def search(
    folder: Path, name: str, *, begin: dict[str, Any], pool: Any = None, view: Any = None, **keys: Any
) -> SearchResult:
    space = make_space(folder, **{"dataset": DATA, "trials": 6, "sampler": "tpe", "parameters": PARAMETERS, **keys})
    options = SearchOptions(seed=3, workers=1, pack_size=3, confirm=0, ensemble=0, **begin)
    return start_search(
        space,
        options,
        path=folder / name,
        command=["fcsearch"],
        open_pool=pool or InProcess(),
        view=view,
        report=False,
    )
