"""Searches on rows that are split by a column, whole, without Ray."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from engine_helpers import RecordingView

from fcsearch.results import RunDirectory
from fcsearch.search.api import resume_search, saved_options, start_search
from fcsearch.search.options import SearchOptions
from fcsearch.space import load_space


def test_a_run_says_and_keeps_by_which_groups_it_split(tmp_path: Path) -> None:
    random, rows = np.random.RandomState(0), 120
    customer = random.randint(0, 20, rows)
    table = {"customer": customer, "age": random.randn(rows), "label": random.randint(0, 2, rows)}
    pyarrow.csv.write_csv(pa.table(table), tmp_path / "visits.csv")
    (tmp_path / "space.yaml").write_text("parameters: {epochs: 2, learning_rate: {low: 0.01, high: 0.1}}")
    overrides = ("dataset.group=customer", "trials=1")
    space = load_space(tmp_path / "space.yaml", overrides=overrides, dataset=str(tmp_path / "visits.csv"))
    options, view = SearchOptions(pool="inline", confirm=0, ensemble=0), RecordingView()
    found = start_search(space, options, path=tmp_path / "run", command=["fcsearch"], view=view)
    words = "by groups of customer: 14 train, 3 val, 3 test"
    assert view.lines["split"] == words
    kept = RunDirectory.open(tmp_path / "run").manifest().dataset
    assert kept.split.words() == words
    assert found.report.dataset.split == words
    # The same groups are on the same sides when the run goes on.
    resume_search(found.run, SearchOptions(**{**saved_options(found.run).to_json(), "trials": 2}))
    assert len(found.run.finished_trials()) == 2
