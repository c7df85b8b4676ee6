"""A search whose run directory or whose packs fail it, on a simulated pool."""

import contextlib
import functools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from search_helpers import make_space, outcome, result

from fcsearch.data import Dataset
from fcsearch.errors import RunError, SearchError
from fcsearch.results import RunDirectory
from fcsearch.search.api import start_search
from fcsearch.search.loop.engine import Engine
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
        monkeypatch.setattr("fcsearch.report.write_report", full)
        return outcome(task.pack_id, {t.trial_id: result(t.config, [0.5]) for t in task.trials})

    @contextlib.contextmanager
    def open_pool(plan: SearchPlan, dataset: Dataset) -> Iterator[SimulatedPool]:  # noqa: ARG001
        yield SimulatedPool(answer)

    with pytest.raises(SearchError, match=f"the disk is full; then continue with `fcsearch resume {tmp_path}/run`"):
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


def test_the_pool_that_holds_abandoned_packs_is_closed_and_another_confirms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the clock of the search its second pack takes longer than the budget, and the grace after it."""
    pools: list[SimulatedPool] = []
    told: list[str] = []
    began = time.monotonic()

    def answer(task: PackTask) -> PackOutcome:
        assert pools[-1].clock() < 100, "nobody waits for the pack that was abandoned"
        return outcome(task.pack_id, {t.trial_id: result(t.config, [0.5]) for t in task.trials})

    @contextlib.contextmanager
    def open_pool(plan: SearchPlan, dataset: Dataset) -> Iterator[SimulatedPool]:  # noqa: ARG001
        pools.append(SimulatedPool(answer, seconds=lambda task: 1000.0 if task.pack_id == 1 else 1.0))
        told.append("opened")
        yield pools[-1]
        told.append("closed")

    clock = functools.partial(Engine, clock=lambda: began + pools[-1].clock())
    monkeypatch.setattr("fcsearch.search.loop.session.Engine", clock)
    found = start_search(
        make_space(tmp_path, trials=4),
        SearchOptions(workers=1, cpus_per_worker=0.5, pack_size=2, time_budget=300, confirm=1, confirm_seeds=2),
        path=tmp_path / "run",
        command=["fcsearch", "run"],
        open_pool=open_pool,
    )
    assert found.ended_by == "time_budget"
    assert found.run.trials()["trial_id"].to_pylist() == [0, 1]
    assert found.run.confirmations().num_rows == 2
    assert told == ["opened", "closed"] * 2
