"""Small searches whose trials learn the rows in several forms."""

from pathlib import Path
from typing import Any

import numpy as np
from search_helpers import make_space

from fcsearch.config import InputForm
from fcsearch.results import RunDirectory
from fcsearch.results.records import row_config
from fcsearch.search.api import start_search
from fcsearch.search.options import SearchOptions

FORMS = (InputForm("quantile"), InputForm("piecewise", 4), InputForm("piecewise", 9))
PARAMETERS: dict[str, Any] = {
    "preprocessing": {"choices": ["dataset", "quantile", "piecewise"]},
    "bins": {"choices": [4, 9]},
    "learning_rate": {"choices": [0.1, 0.5]},
    "hidden_dim": 8,
    "epochs": 3,
}


def write_rows(path: Path) -> Path:
    """300 rows of two numbers, one with gaps, and a category."""
    random = np.random.default_rng(0)
    X, kinds = random.normal(size=(300, 2)), random.integers(0, 3, 300)
    rows = [
        f"{a},{'' if number % 10 == 0 else b},{'xyz'[kind]},{'yes' if a * a + kind > 1.5 else 'no'}"
        for number, (a, b, kind) in enumerate(zip(*X.T.tolist(), kinds.tolist(), strict=True))
    ]
    path.write_text("\n".join(["a,b,kind,answer", *rows]) + "\n")
    return path


def search(folder: Path, **options: Any) -> RunDirectory:
    folds = options.pop("folds", None)
    parameters, view = options.pop("parameters", PARAMETERS), options.pop("view", None)
    table = {"source": str(write_rows(folder / "rows.csv")), "label": "answer", "preprocessing": "robust"}
    space = make_space(
        folder, dataset={**table, **({"folds": folds} if folds else {})}, parameters=parameters, sampler="grid"
    )
    settings = SearchOptions(**{"workers": 1, "confirm": 0, "keep_models": 8, "pool": "inline", **options})
    return start_search(space, settings, path=folder / "run", command=["fcsearch"], view=view).run


def trials(run: RunDirectory) -> list[dict[str, Any]]:
    return run.trials().to_pylist()


def of_form(run: RunDirectory, form: InputForm) -> dict[str, Any]:
    return next(row for row in trials(run) if row_config(row).input_form == form)
