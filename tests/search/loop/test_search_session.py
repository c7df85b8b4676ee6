"""A search whose run directory fails it, on a simulated pool."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from search_helpers import make_space, outcome, result

from fcsearch.data import Dataset
from fcsearch.errors import RunError, SearchError
from fcsearch.results import RunDirectory
from fcsearch.search.api import start_search
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.plan import SearchPlan
from fcsearch.search.pool.messages import PackOutcome, PackTask
from fcsearch.search.pool.simulated import SimulatedPool
from fcsearch.search.record.ledger import has_trials


@pytest.mark.parametrize("what", ["tables", "report", "everything"])
def test_a_run_that_cannot_be_written_any_more_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """What cannot be used at the start is removed again; this is too late for that."""

    def full(*_: Any, **__: Any) -> None:
        raise RunError("the disk is full")

    def gone(*_: Any, **__: Any) -> None:
        raise RunError("run.json is gone")

    def answer(task: PackTask) -> PackOutcome:
        if what != "report":
            monkeypatch.setattr(RunDirectory, "write_pack", full)
        if what == "everything":
            monkeypatch.setattr(RunDirectory, "update_manifest", gone)
        monkeypatch.setattr("fcsearch.search.execution.write_report", full)
        return outcome(task.pack_id, {t.trial_id: result(t.config, [0.5]) for t in task.trials})

    @contextlib.contextmanager
    def open_pool(plan: SearchPlan, dataset: Dataset) -> Iterator[SimulatedPool]:  # noqa: ARG001
        yield SimulatedPool(answer)

    with pytest.raises(SearchError, match=f"the disk is full; then go on with `fcsearch resume {tmp_path}/run`"):
        start_search(
            make_space(tmp_path, trials=1),
            SearchOptions(workers=1, cpus_per_worker=0.5),
            path=tmp_path / "run",
            command=["fcsearch", "run"],
            open_pool=open_pool,
        )
    run = RunDirectory.open(tmp_path / "run")
    assert run.manifest().state == {"tables": "failed", "report": "complete", "everything": "running"}[what]
    assert run.state() == ("interrupted" if what == "everything" else run.manifest().state)
    assert run.trials().num_rows == (what == "report")
    # Its trial stands in the journal: `resume` goes on with it.
    assert has_trials(run)
