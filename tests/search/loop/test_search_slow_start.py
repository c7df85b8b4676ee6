"""What is said of a start that took much of a time budget."""

import dataclasses
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from engine_helpers import RecordingView
from in_process_pool import InProcess
from search_helpers import PLACE, make_space, outcome, result

from fcsearch.config import TrialConfig
from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.search.api import confirm_run, start_search
from fcsearch.search.loop.slow_start import slow_start
from fcsearch.search.loop.standings import Standings
from fcsearch.search.loop.tracker import Tracker
from fcsearch.search.loop.view import SilentView
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.messages import PackTask, Place, Progress
from fcsearch.search.pool.pack_run import PackRun
from fcsearch.training import TrainingData

SOONER = "; `--pool local` starts sooner on one machine"


@pytest.mark.parametrize(
    ("pool", "address", "trained", "said"),
    [
        ("ray", None, 103.0, f"3.0 s of the 10.0 s passed before a first epoch was trained{SOONER}"),
        ("ray", "head:6379", 103.0, "3.0 s of the 10.0 s passed before a first epoch was trained"),
        ("local", None, 103.0, "3.0 s of the 10.0 s passed before a first epoch was trained"),
        ("ray", None, None, f"no epoch was trained within the 10.0 s{SOONER}"),
        ("ray", None, 101.0, None),
    ],
)
def test_a_start_that_took_much_of_the_time_budget_is_told(
    pool: Literal["ray", "local"], address: str | None, trained: float | None, said: str | None
) -> None:
    options = SearchOptions(time_budget=10.0, pool=pool, address=address)
    assert slow_start(options, 100.0, trained) == said


def test_without_a_time_budget_nothing_is_said() -> None:
    assert slow_start(SearchOptions(), 100.0, None) is None


def test_an_epoch_counts_when_it_was_trained_and_not_when_it_is_heard_of() -> None:
    now = 100.0
    tracker = Tracker(
        SilentView(), total=9, before=[], standings=Standings(1), deadline=None, gpus=False, clock=lambda: now
    )
    now = 112.0

    def ago(seconds: float) -> datetime:
        return datetime.now(UTC) - timedelta(seconds=seconds)

    here = Place(socket.gethostname(), "cpu")
    tracker.progressed(Progress(0, 5, 9, 2, here, trained_at=ago(8)))
    assert tracker.trained_at == pytest.approx(104, abs=0.5)
    # Another worker was first. Ray says the address, too.
    here = Place(f"{socket.gethostname()} (10.0.0.1)", "cpu")
    tracker.progressed(Progress(1, 5, 9, 2, here, trained_at=ago(9)))
    assert tracker.trained_at == pytest.approx(103, abs=0.5)
    # The clock was set since.
    tracker.progressed(Progress(2, 5, 9, 2, here, trained_at=ago(-500)))
    assert tracker.trained_at == pytest.approx(103, abs=0.5)
    tracker.progressed(Progress(3, 5, 9, 2, here, trained_at=ago(500)))
    assert tracker.trained_at == 100


@pytest.mark.parametrize("late", [500, -500])
def test_the_clock_of_another_machine_does_not_count(late: float) -> None:
    now = 100.0
    tracker = Tracker(
        SilentView(), total=9, before=[], standings=Standings(1), deadline=None, gpus=False, clock=lambda: now
    )
    wrong = datetime.now(UTC) - timedelta(seconds=late)
    now = 112.0
    tracker.progressed(Progress(0, 5, 9, 2, PLACE, trained_at=wrong))
    assert tracker.trained_at == 112.0
    now = 113.0
    done = outcome(1, {0: result(TrialConfig(), [0.5])})
    tracker.ended(dataclasses.replace(done, members=(dataclasses.replace(done.members[0], finished_at=wrong),)), [])
    assert tracker.trained_at == 112.0


def test_a_worker_says_when_its_first_epoch_was_trained() -> None:
    rows = load_dataset(DatasetSpec("digits", num_train=200))
    task = PackTask(pack_id=0, trials=(PlannedTrial(0, TrialConfig(epochs=3)),), asha=None, rungs={}, keep_models=1)
    run = PackRun(task, TrainingData.from_arrays(**rows.training_arrays("accuracy")), PLACE)
    assert run.progress().trained_at is None
    run.train(seconds=0)
    first = run.progress().trained_at
    run.train(seconds=0)
    assert first == run.progress().trained_at
    assert first is not None
    assert timedelta() <= datetime.now(UTC) - first < timedelta(seconds=60)


class _Notices(SilentView):
    def __init__(self) -> None:
        self.said: list[str] = []

    def notice(self, text: str) -> None:
        self.said.append(text)


def test_a_search_tells_it_and_its_confirmation_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The time is up from the start, and a first result is waited for.
    monkeypatch.setattr("fcsearch.search.execution.grace_of", lambda _: 1000.0)
    asked = SearchOptions(seed=3, workers=1, pack_size=1, confirm=0, ensemble=0, time_budget=1000.0)
    began = time.monotonic() - 1001
    space = make_space(tmp_path, dataset={"source": "digits", "num_train": 200}, trials=40)
    view, again = RecordingView(), RecordingView()
    pool, path = InProcess(), tmp_path / "run"
    found = start_search(
        space, asked, path=path, command=["fcsearch"], open_pool=pool, view=view, began=began, report=False
    )
    assert found.ended_by == "time_budget"
    assert any("passed before a first epoch was trained" in text for text in view.notices)
    asked = dataclasses.replace(asked, confirm=1, confirm_seeds=2)
    assert confirm_run(found.run, asked, open_pool=InProcess(), view=again, began=began).ended_by == "time_budget"
    assert not any("first epoch" in text for text in again.notices)
