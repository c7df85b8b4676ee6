"""A run records which preprocessing was settled on its rows, so that later commands do the same again."""

from pathlib import Path

import numpy as np
import pytest
from in_process_pool import InProcess
from search_helpers import make_space

from fcsearch.evaluation import load_run_dataset
from fcsearch.search.api import start_search
from fcsearch.search.options import SearchOptions


@pytest.mark.parametrize("option", [{}, {"preprocessing": "piecewise"}], ids=["auto", "piecewise"])
def test_a_run_says_the_bins_that_it_was_made_with(tmp_path: Path, option: dict[str, str]) -> None:
    numbers = np.random.default_rng(0).normal(size=(600, 2)).round(6)
    lines = "".join(f"{a},{b},{'yes' if a > b else 'no'}\n" for a, b in numbers)
    (tmp_path / "rows.csv").write_text("a,b,label\n" + lines)
    parameters = {"hidden_dim": 8, "epochs": 2, "learning_rate": {"choices": [0.1, 0.01]}}
    space = make_space(
        tmp_path, parameters=parameters, sampler="grid", dataset={"source": str(tmp_path / "rows.csv"), **option}
    )
    options = SearchOptions(workers=1, cpus_per_worker=0.5, confirm=0, ensemble=0)
    run = start_search(space, options, path=tmp_path / "run", command=["fcsearch"], open_pool=InProcess()).run
    spec = run.manifest().dataset.spec
    assert (spec["preprocessing"], spec["bins"]) == ("piecewise", 48)
    assert (run.space().dataset.preprocessing, run.space().dataset.bins) == ("piecewise", 48)
    assert load_run_dataset(run).input_dim == 2 * 48
