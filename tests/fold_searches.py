"""Small searches whose trials are means over folds."""

from pathlib import Path
from typing import Any

import numpy as np
from search_helpers import make_space

from fcsearch.data import Dataset
from fcsearch.evaluation import load_run_dataset
from fcsearch.results import RunDirectory
from fcsearch.results.records import row_config
from fcsearch.search.api import SearchResult, start_search
from fcsearch.search.options import SearchOptions
from fcsearch.training import MemberResult, TrainingData, train_pack

PARAMETERS: dict[str, Any] = {
    "learning_rate": {"low": 0.003, "high": 0.3, "log": True},
    "update_rule": {"choices": ["adam", "sgd"]},
    "hidden_dim": {"choices": [8, 16]},
    "batch_size": 32,
    "epochs": 6,
}
FOLDS = 3


def write_table(path: Path) -> Path:
    """200 rows of two numbers and a category that few of them have."""
    random = np.random.default_rng(0)
    X, noise = random.normal(size=(200, 2)), random.normal(size=200)
    rows = [
        f"{a},{b},{'rare' if number < 2 else 'often'},{'yes' if a + b + c > 0 else 'no'}"
        for number, (a, b, c) in enumerate(zip(*X.T.tolist(), noise.tolist(), strict=True))
    ]
    path.write_text("\n".join(["a,b,kind,answer", *rows]) + "\n")
    return path


def search(folder: Path, *, pool: Any = "inline", view: Any = None, space: Any = None, **options: Any) -> SearchResult:
    searched = make_space(
        folder,
        dataset={"source": str(write_table(folder / "rows.csv")), "label": "answer", "folds": FOLDS},
        **{"parameters": PARAMETERS, "trials": 4, **(space or {})},
    )
    settings = SearchOptions(**{"pool": pool, "workers": 1, "cpus_per_worker": 0.5, "confirm": 0, **options})
    return start_search(searched, settings, path=folder / pool, command=["fcsearch", "run"], view=view)


def rows_of(data: Dataset) -> TrainingData:
    return TrainingData.from_arrays(**data.training_arrays("accuracy" if data.num_classes else "rmse"))


def expected_of(run: RunDirectory, row: dict[str, Any]) -> MemberResult:
    """What a row's configuration gives by itself, on the run's folds."""
    [result] = train_pack([row_config(row)], rows_of(load_run_dataset(run)))
    return result
