"""A confirmation that does not come to its end: it goes on later, and until then nothing is measured on test rows."""

from __future__ import annotations

import dataclasses
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from commands import output_of
from confirmed_searches import again, pairs, search
from engine_helpers import RecordingView
from in_process_pool import InProcess

from fcsearch.evaluation import load_run_dataset
from fcsearch.report import write_report
from fcsearch.results import RunDirectory
from fcsearch.search.api import resume_search, saved_options
from fcsearch.search.loop import later_stages, session
from fcsearch.search.loop.interruption import Interruption
from fcsearch.search.pool.messages import PackTask
from fcsearch.selection import is_settled

Interrupt = Callable[[PackTask], None]


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    """Ctrl-C in a pack with another seed."""
    stops: list[Interruption] = []
    make = Interruption.__init__
    monkeypatch.setattr(Interruption, "__init__", lambda self: (make(self), stops.append(self))[0])

    def handle(task: PackTask) -> None:
        if task.trials[0].config.seed:
            stops[-1].handle(signal.SIGINT, None)

    return handle


def test_an_interrupted_confirmation_goes_on_where_it_was(tmp_path: Path, interrupt: Interrupt) -> None:
    pool = InProcess(interrupt)
    found = search(tmp_path, pool)
    run = found.run
    assert (found.ended_by, run.manifest().state) == ("interrupt", "interrupted")
    done = pairs(run)
    assert len(done) == 3
    report = found.report
    assert "not complete: 3 of 6 trainings are done" in " ".join(report.trust.remarks)
    # It may find another winner: the test rows are not for this one.
    assert (report.test.measurement, report.test.measured_trials) == (None, ())
    # Those that may be in the ensemble still have their models.
    assert len(run.models.saved()) == 6
    rest = InProcess()
    resumed = resume_search(RunDirectory.open(run.path), saved_options(run), open_pool=rest)
    assert (resumed.ended_by, resumed.run.manifest().state) == ("trials", "complete")
    assert len(resumed.report.test.measured_trials) == 1
    assert resumed.report.work.sessions == 2
    manifest = resumed.run.manifest()
    assert all(session.finished_at for session in manifest.sessions)
    # The process that made the run was at work since then; the other one since it took the run up.
    assert [session.started_at == manifest.created_at for session in manifest.sessions] == [True, False]
    assert [len(seeds) for seeds in rest.seeds] == [2, 1]
    assert set(done) < set(pairs(run))
    assert len(pairs(run)) == 6


def test_the_test_rows_of_a_complete_search_wait_for_an_interrupted_confirmation(
    tmp_path: Path, interrupt: Interrupt
) -> None:
    run = search(tmp_path, InProcess(), confirm=0, report=False).run
    found = again(run, InProcess(interrupt))
    assert (found.ended_by, run.state()) == ("interrupt", "complete")
    for report in (found.report, write_report(RunDirectory.open(run.path))):
        assert (report.test.measurement, report.test.measured_trials) == (None, ())
        assert report.ensemble is None or report.ensemble.test is None
    settled = again(run, InProcess()).report
    assert settled.test.measured_trials == (settled.best.row["trial_id"],)


def test_a_confirmation_that_the_time_budget_ends_does_not_keep_the_test_rows_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = search(tmp_path, InProcess(), confirm=0, report=False).run
    with monkeypatch.context() as late:
        late.setattr("fcsearch.search.loop.session.confirm_best", lambda *_, **__: "time_budget")
        found = again(run, InProcess())
    assert len(found.report.test.measured_trials) == 1
    # Taken up again, it may have another winner.
    options = dataclasses.replace(saved_options(run), confirm="auto")
    extent = later_stages.plan_confirmation(run, options, load_run_dataset(run))
    assert extent is not None
    assert not is_settled(run)


def test_a_confirmation_that_is_done_was_not_out_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The budget ends the search, not the confirmation that follows it."""
    train = session._train_trials
    monkeypatch.setattr(session, "_train_trials", lambda *given: (train(*given), ("time_budget", False))[1])
    run = search(tmp_path, InProcess(), report=False).run
    planned = run.manifest().confirmation
    assert len(pairs(run)) == len(planned.trials) * len(planned.seeds)
    assert (run.manifest().ended_by, planned.out_of_time) == ("time_budget", False)


@pytest.mark.parametrize("confirm", ["auto", 0])
def test_a_confirmation_that_would_take_too_long_is_left_out_with_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, confirm: Literal["auto"] | int
) -> None:
    monkeypatch.setattr(later_stages, "confirmation_extent", lambda *_, **__: None)
    run = search(tmp_path, InProcess(), confirm=0, report=False).run
    view = RecordingView()
    options = dataclasses.replace(saved_options(run), confirm=confirm, trials=8)
    resume_search(RunDirectory.open(run.path), options, view=view, open_pool=InProcess())
    said = [
        f"the best are not trained again with other seeds, which would take long beside this search: `fcsearch confirm "
        f"{shlex.quote(str(run.path))}`"
    ]
    assert view.notices == (said if confirm else [])
    assert {status.then for status in view.seen} == (
        {"the best again with other seeds, if that is short"} if confirm else {None}
    )
    assert pairs(run) == []


def test_nobody_else_measures_test_rows_while_a_run_is_written(tmp_path: Path) -> None:
    run = search(tmp_path, InProcess(), confirm=0, report=False).run
    with run.writing():
        assert write_report(RunDirectory.open(run.path)).test.measured_trials == ()
        assert "not measured" in output_of("report", run.path)
        assert len(write_report(run).test.measured_trials) == 1
