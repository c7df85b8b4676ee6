"""What comes after a search: others can watch a confirmation, and it leaves the refit its time."""

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from engine_helpers import RecordingView
from fold_searches import PARAMETERS, search

from fcsearch.report import write_report
from fcsearch.report.terminal import render_text
from fcsearch.results import RunDirectory, Status, read_status
from fcsearch.search.api import confirm_run, saved_options
from fcsearch.search.execution import SearchResult
from fcsearch.search.loop import session
from fcsearch.search.loop.from_files import Watched
from fcsearch.search.loop.later_stages import Surroundings
from fcsearch.search.planning.extent import refit_seconds


@pytest.fixture
def found(tmp_path: Path) -> SearchResult:
    return search(tmp_path, space={"trials": 3}, refit=False)


class Looking(RecordingView):
    """Looks at the run directory, as another process would, when a stage ends."""

    def __init__(self, run: RunDirectory) -> None:
        super().__init__()
        self.run = run
        self.looks: list[tuple[bool, str]] = []
        self.plans: list[dict[str, str]] = []

    def started(self, lines: Mapping[str, str]) -> None:
        self.plans.append(dict(lines))

    def ended(self, status: Status) -> None:
        said = read_status(self.run.path)
        self.looks.append((Watched(self.run).going(), said.what if said else "nothing"))
        super().ended(status)


def test_a_confirmation_can_be_watched(found: SearchResult) -> None:
    run = found.run
    assert not Watched(run).going()
    view = Looking(run)
    confirm_run(run, dataclasses.replace(saved_options(run), confirm=2, confirm_seeds=1, refit=True), view=view)
    # First the network that answers, then the ensemble's.
    assert view.looks == [(True, "confirmations"), (True, "refits"), (True, "refits")]
    assert read_status(run.path) is None
    assert not Watched(run).going()


def test_one_of_each_is_said_as_one(tmp_path: Path) -> None:
    run = search(tmp_path, space={"trials": 1, "parameters": {**PARAMETERS, "epochs": 1}}, refit=False).run
    view = Looking(run)
    confirm_run(run, dataclasses.replace(saved_options(run), confirm=1, confirm_seeds=1, refit=True), view=view)
    assert view.plans == [
        {"confirmation": "trial 0 again, with seed 1"},
        {"refit": "trial 0 on training and validation rows, 1 epoch"},
    ]


def test_a_confirmation_leaves_the_refit_its_time(found: SearchResult, monkeypatch: pytest.MonkeyPatch) -> None:
    run, ends = found.run, []

    def confirm(around: Surroundings, *_: Any, **__: Any) -> None:
        ends.append(around.deadline)

    monkeypatch.setattr(session, "confirm_best", confirm)
    began = time.monotonic()
    asked = dataclasses.replace(saved_options(run), confirm=3, confirm_seeds=5, time_budget=1000.0)
    for refit in (True, False):
        confirm_run(run, dataclasses.replace(asked, refit=refit))
    with_refit, without = (end - began for end in ends)
    assert with_refit < 1000 - 3 < without


def test_a_stage_that_there_is_no_time_for_is_left_out_and_says_so(found: SearchResult) -> None:
    run, view = found.run, RecordingView()
    options = dataclasses.replace(saved_options(run), confirm=2, confirm_seeds=2, refit=True, time_budget=1e-9)
    assert confirm_run(run, options, view=view).ended_by == "time_budget"
    assert view.notices == [
        "no time is left for the confirmation (4 trainings): it is left out",
        "no time is left for the refit (1 training): it is left out",
        "no time is left for the refit of the ensemble (3 trainings): it is left out",
    ]
    assert (view.seen, len(run.confirmations())) == ([], 0)


def test_the_refits_time_is_that_of_the_slowest(found: SearchResult) -> None:
    from fcsearch.evaluation import load_run_dataset

    data, rows = load_run_dataset(found.run), found.run.trials().to_pylist()
    slow = {**rows[0], "epochs": 10, "epochs_run": 5}
    slow["finished_at"] = slow["started_at"] + (slow["finished_at"] - slow["started_at"]) * 0
    assert refit_seconds([slow], data) == pytest.approx(refit_seconds([], data))
    import datetime

    slow["finished_at"] = slow["started_at"] + datetime.timedelta(seconds=20)
    share = 1 + len(data.val) / len(data.train)
    assert refit_seconds([slow], data) - refit_seconds([], data) == pytest.approx(40 * share)
    assert refit_seconds([{**slow, "epochs_run": None}], data) == refit_seconds([], data)


def test_a_refit_of_an_earlier_winner_goes_by_its_own_number(tmp_path: Path) -> None:
    from search_helpers import make_space

    from fcsearch.search.api import start_search
    from fcsearch.search.options import SearchOptions

    space = make_space(tmp_path, parameters={"epochs": 2, "learning_rate": 0.1, "hidden_dim": 8}, trials=2)
    options = SearchOptions(pool="inline", confirm=0, refit=True)
    run = start_search(space, options, path=tmp_path / "run", command=["f"]).run
    report = write_report(run)
    other = 1 - report.best.row["trial_id"]
    run.models.add_facts(other, {"trial_id": other}, path=run.models.refit_path)
    again = write_report(run)
    assert again.refit.members == {other: 1.0}
    text = " ".join(render_text(again, width=200).split())
    assert f"refit of trial {other}; standard error" in text
    assert f"rows, of trial {other}, has test accuracy" in text
