"""report.html while the search goes on: how far it is, that it looks for the next, and who writes it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_checks import check, commands_in, data_of, without_scripts
from synthetic_run import add_trials, manifest

from fcsearch.report import RunningPage, running_page, write_report
from fcsearch.results import Best, FrozenRun, PackStatus, RunDirectory, Status, write_status

PATIENCE = 60


def going(path: Path, *, trials: int = 40, **changes: Any) -> RunDirectory:
    values = {"state": "running", "finished_at": None, "options": {"trials": 96}, **changes}
    run = RunDirectory.create(path, manifest(path.name, **values))
    add_trials(run, range(trials))
    return run


def status(**changes: Any) -> Status:
    values: dict[str, Any] = {
        "total": 96,
        "counts": {"complete": 30, "stopped": 10},
        "packs": (PackStatus(5, 8, 5, 7, 10, "node-1", "cuda:0", 0.4), PackStatus(6, 8, 8, 0, 0, None, None, 12.0)),
        "best": (Best(4, "accuracy", 0.97, {"depth": 3}),),
        "seconds": 61.2,
        "seconds_left": 85.0,
        "closing": None,
        "per_minute": 39.0,
        "then": "the best again with other seeds",
        **changes,
    }
    return Status(**values)


def text_of(run: RunDirectory, *, every: float = 30) -> str:
    running_page.write_running_page(run.path, every=every)
    return (run.path / "report.html").read_text()


def test_it_says_how_far_the_search_is_and_what_the_workers_do(tmp_path: Path) -> None:
    run = going(tmp_path / "r")
    write_status(run.path, status())
    page = text_of(run)
    check(page)
    assert "40 of 96 trials are done (10 stopped), 13 are in training, 40 are left." in page
    assert (
        "1 min 1 s so far, 39 trials per minute with those in training, about 1 min 20 s left, then the best again"
        in page
    )
    assert "pack 5, 8 trials: epoch 7 of 10, 5 still train, on machine 1, cuda:0" in page
    assert "pack 6, 8 trials: handed out 12 s ago" in page
    assert "node-1" not in without_scripts(page)
    assert '<progress max="96" value="40"' in page


def test_it_looks_for_the_next_page_with_and_without_scripts(tmp_path: Path) -> None:
    run = going(tmp_path / "r")
    before = time.time()
    page = text_of(run, every=45)
    assert data_of(page)["reload"]["every"] == 45
    assert before * 1000 <= data_of(page)["reload"]["written"] <= time.time() * 1000
    assert '<noscript><meta http-equiv="refresh" content="45"></noscript>' in page
    assert check(page).tags["script"] == 7


def test_without_a_status_the_tables_say_it(tmp_path: Path) -> None:
    page = text_of(going(tmp_path / "r"))
    assert "40 of 96 trials are done." in page


def test_why_nothing_happens_is_said(tmp_path: Path) -> None:
    run = going(tmp_path / "r", trials=0)
    write_status(run.path, status(counts={}, packs=(), waiting="the sampler chooses the next trials"))
    assert "The sampler chooses the next trials." in text_of(run)


@pytest.mark.parametrize(
    ("state", "told"), [("interrupted", "The search was interrupted"), ("failed", "The search failed")]
)
def test_the_page_of_what_ended_early_says_how_to_go_on(tmp_path: Path, state: str, told: str) -> None:
    run = going(tmp_path / "a run", state=state)
    # Of a search that was killed it is left behind.
    write_status(run.path, status())
    page = text_of(run)
    assert f"{told} after 40 of 96 trials" in page
    assert "fcsearch resume &#39;runs/a run&#39;" in commands_in(page)
    assert "in training" not in page
    assert data_of(page)["reload"] is None
    assert 'http-equiv="refresh"' not in page


def test_the_last_page_of_a_complete_run_neither_reloads_nor_tells_progress(run: RunDirectory) -> None:
    write_report(run)
    page = (run.path / "report.html").read_text()
    assert data_of(page)["reload"] is None
    assert "<progress" not in page
    assert 'http-equiv="refresh"' not in page


def test_a_frozen_run_stays_as_it_was(tmp_path: Path) -> None:
    run = going(tmp_path / "r", trials=8)
    frozen = FrozenRun.open(run.path)
    assert len(frozen.trials()) == 8
    add_trials(run, range(8, 16))
    assert len(frozen.trials()) == 8
    assert len(run.trials()) == 16


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[tuple[RunDirectory, RunningPage]]:
    run = going(tmp_path / "r", trials=8)
    page = RunningPage(run, 0.2)
    yield run, page
    page.stop()


def until(condition: Any) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_another_process_writes_it_and_leaves_a_last_one(writer: tuple[RunDirectory, RunningPage]) -> None:
    run, page = writer
    path = run.path / "report.html"
    until(path.is_file)
    assert "8 of 96 trials are done" in path.read_text()
    page.leave()
    run.update_manifest({"state": "interrupted"})
    until(lambda: "fcsearch resume" in commands_in(path.read_text()))


def test_once_stopped_it_writes_no_more(writer: tuple[RunDirectory, RunningPage]) -> None:
    run, page = writer
    until((run.path / "report.html").is_file)
    page.stop()
    run.write_file("report.html", "the last one")
    assert list((run.path / ".aside").iterdir()) == []
    assert (run.path / "report.html").read_text() == "the last one"


def test_one_page_that_took_long_delays_the_next_one_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = going(tmp_path / "r", state="interrupted")
    cpu, pauses = iter([0, 100, 200, 200, 300, 300, 400, 400]), []

    def ended(seconds: float) -> bool:
        pauses.append(seconds)
        return len(pauses) == 3

    monkeypatch.setattr(running_page, "write_running_page", lambda *_, **__: None)
    monkeypatch.setattr(running_page.os, "nice", lambda _: None)
    monkeypatch.setattr(running_page.time, "process_time", lambda: next(cpu))
    running_page.main(str(run.path), 30, ended=ended)
    assert pauses == [2000, 30, 30]


def test_where_the_search_is_killed_the_page_says_so(tmp_path: Path) -> None:
    run = going(tmp_path / "r", trials=8)
    program = (
        "import sys, os, signal; from pathlib import Path; from fcsearch.report import RunningPage;"
        f"from fcsearch.results import RunDirectory; run = RunDirectory.open(Path({str(run.path)!r}));"
        "held = run.writing(); held.__enter__(); page = RunningPage(run, 0.2);"
        "sys.stdin.read(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    search = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
    path = run.path / "report.html"
    until(path.is_file)
    assert "running" in path.read_text()
    search.communicate(b"")
    until(lambda: "The search was interrupted" in path.read_text())
