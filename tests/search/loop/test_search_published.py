"""What a search lets others see: status.json, and the process that writes the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engine_helpers import RecordingView

from fcsearch.results import Best, Manifest, PackStatus, RunDirectory, Status, read_status, write_status
from fcsearch.search.loop import published
from fcsearch.search.loop.from_files import Watched
from fcsearch.search.loop.published import ForOthers

STATUS = Status(
    total=8,
    counts={"complete": 3},
    packs=(PackStatus(1, 4, 2, 5, 9, "box", "cpu", 0.25),),
    best=(Best(2, "accuracy", 0.5, {"depth": 3, "hidden_dims": [4, 4], "init": "normal"}),),
    seconds=2.0,
    seconds_left=None,
    closing=None,
    course=((1, 0.25), (3, 0.5)),
    then="more",
)


@pytest.fixture
def empty_run(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create(tmp_path / "new", Manifest(name="new", state="running"))


class Page:
    made: list[Page]

    def __init__(self, run: RunDirectory, every: float) -> None:
        self.told: list[Any] = [run.path, every]
        Page.made.append(self)

    def stop(self) -> None:
        self.told.append("stop")

    def leave(self) -> None:
        self.told.append("leave")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(published.time, "monotonic", lambda: now[0])
    monkeypatch.setattr("fcsearch.report.RunningPage", Page)
    Page.made = []
    return now


def test_a_status_is_read_as_it_was_written(empty_run: RunDirectory) -> None:
    assert read_status(empty_run.path) is None
    write_status(empty_run.path, STATUS)
    assert read_status(empty_run.path) == STATUS
    (empty_run.path / "status.json").write_text('{"total": "many"}')
    assert read_status(empty_run.path) is None


def test_the_status_is_written_every_second_and_removed_at_the_end(empty_run: RunDirectory, clock: list[float]) -> None:
    view = RecordingView()
    seen = ForOthers(view, empty_run, page_every=0)
    seen.update(STATUS)
    assert read_status(empty_run.path) is None
    clock[0] += 1
    seen.update(STATUS)
    assert read_status(empty_run.path) == STATUS
    assert view.seen == [STATUS, STATUS]
    seen.close(report=True)
    assert read_status(empty_run.path) is None
    assert Page.made == []


@pytest.mark.parametrize(("report", "then"), [(True, "stop"), (False, "leave")])
def test_the_page_begins_after_a_while_and_ends_with_the_search(
    empty_run: RunDirectory, clock: list[float], report: bool, then: str
) -> None:
    seen = ForOthers(RecordingView(), empty_run, page_every=30)
    seen.update(STATUS)
    assert Page.made == []
    for _ in range(2):
        clock[0] += 30
        seen.update(STATUS)
    seen.close(report=report)
    assert [page.told for page in Page.made] == [[empty_run.path, 30, then]]


def test_a_page_that_cannot_be_started_is_gone_without(
    empty_run: RunDirectory, clock: list[float], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(*_: Any) -> None:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr("fcsearch.report.RunningPage", refused)
    view = RecordingView()
    seen = ForOthers(view, empty_run, page_every=30)
    for _ in range(2):
        clock[0] += 60
        seen.update(STATUS)
    seen.close(report=True)
    assert view.seen == [STATUS, STATUS]
    assert caplog.messages == ["no page is written while the search is running: Resource temporarily unavailable"]


def test_who_watches_sees_what_the_search_says(empty_run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    watched = Watched(empty_run)
    write_status(empty_run.path, STATUS)
    assert watched.status() == STATUS
    now[0] = 31.0
    assert watched.status().waiting == "the search has not written its status for 31.0 s"
    empty_run.update_manifest({"state": "complete"})
    assert watched.status().packs == ()
