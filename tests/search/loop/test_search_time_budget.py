"""How a time budget is divided among the trials, what follows them, and the report; in simulated time."""

import contextlib
import dataclasses
import functools
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from engine_helpers import Search
from search_helpers import PLACE, make_run, make_space, outcome, result

from fcsearch.data import Dataset, load_dataset
from fcsearch.errors import RunError
from fcsearch.results import RunDirectory
from fcsearch.search.api import start_search
from fcsearch.search.loop.engine import Engine
from fcsearch.search.loop.interruption import Interruption
from fcsearch.search.loop.later_stages import Surroundings, plan_confirmation
from fcsearch.search.loop.time_budget import (
    end_of_training,
    grace_of,
    later_end_of_trials,
    leaving_the_refit,
    left_for_confirmation,
)
from fcsearch.search.loop.view import SilentView
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.extent import Extent
from fcsearch.search.planning.plan import SearchPlan
from fcsearch.search.pool.interface import Event
from fcsearch.search.pool.messages import PackOutcome, PackTask, Progress
from fcsearch.search.pool.simulated import SimulatedPool


def with_rows(megabytes: float) -> Any:
    """A dataset with validation and test rows of so many bytes together."""
    half = SimpleNamespace(X=np.zeros(int(megabytes * 5e5), np.uint8))
    return SimpleNamespace(val=half, test=half)


@pytest.mark.parametrize(
    ("budget", "imports", "megabytes", "trained"),
    [
        (100.0, 0.5, 0, 99.0),
        (100.0, 5.0, 0, 94.0),
        (4.0, 0.5, 0, 3.0),
        (2.0, 0.5, 0, 1.5),
        (4.0, 5.0, 0, 3.0),
        (100.0, 0.5, 100, 97.0),
        (20.0, 0.5, 1000, 15.0),
    ],
)
def test_training_leaves_a_time_budget_room_for_the_report_and_more_on_a_busy_machine_or_for_many_rows(
    budget: float, imports: float, megabytes: float, trained: float
) -> None:
    end = end_of_training(SearchOptions(time_budget=budget), with_rows(megabytes), 50.0, 50.0 + imports)
    assert end == pytest.approx(50.0 + trained)


def test_without_a_time_budget_training_has_no_end() -> None:
    assert end_of_training(SearchOptions(), with_rows(1), 50.0, 51.0) is None


@pytest.mark.parametrize(("later", "trials"), [(None, 6), (4.5, 12), (2.2, 6)])
def test_an_engine_asks_once_for_a_later_end(later: float | None, trials: int) -> None:
    asked: list[float | None] = []

    def prolong() -> float | None:
        asked.append(later)
        return later

    # Packs of three that take a second each; one that is asked to leave has nothing yet.
    nothing = {"leave": lambda task: outcome(task.pack_id, {})}
    search = Search(deadline=2.5, total=60, pool=nothing, prolong=prolong).run()
    assert (search.engine.early_end.closing, len(search.books.states)) == ("time_budget", trials)
    assert asked == [later]
    assert search.tracker.deadline == (later or 2.5)


class Clocked:
    """Opens simulated pools, whose packs take ten seconds each, and keeps the last."""

    def __init__(self, *, epochs: int = 1) -> None:
        self.epochs = epochs
        self.pool = self._new()
        self.began = time.monotonic()

    def clock(self) -> float:
        return self.began + self.pool.clock()

    @contextlib.contextmanager
    def open(self, plan: SearchPlan, dataset: Dataset) -> Iterator[SimulatedPool]:  # noqa: ARG002
        self.pool = self._new()
        yield self.pool

    def _new(self) -> SimulatedPool:
        def answer(task: PackTask) -> PackOutcome:
            return outcome(task.pack_id, {t.trial_id: result(t.config, [0.5] * self.epochs) for t in task.trials})

        return SimulatedPool(answer, seconds=lambda _: 10.0, leave=lambda task: outcome(task.pack_id, {}))


@pytest.mark.parametrize(("epochs", "packs"), [(100_000, 29), (1, 26)])
def test_trials_have_the_time_of_a_confirmation_that_would_take_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epochs: int, packs: int
) -> None:
    """Of 300 seconds one is kept for the report and 39 for what follows, if anything does."""
    clocked = Clocked()
    monkeypatch.setattr("fcsearch.search.loop.session.Engine", functools.partial(Engine, clock=clocked.clock))
    found = start_search(
        make_space(tmp_path, trials=1000, parameters={"learning_rate": {"low": 0.01, "high": 0.1}, "epochs": epochs}),
        SearchOptions(workers=1, cpus_per_worker=0.5, pack_size=1, time_budget=300, ensemble=0),
        path=tmp_path / "run",
        command=["fcsearch", "run"],
        open_pool=clocked.open,
        report=False,
    )
    assert found.ended_by == "time_budget"
    assert (found.run.trials().num_rows, found.run.manifest().confirmation is None) == (packs, epochs > 1)


@pytest.mark.parametrize(("budget", "confirms"), [(300, True), (250, False)])
def test_what_the_trials_have_left_of_the_time_budget_is_for_the_least_confirmation(
    tmp_path: Path, budget: float, confirms: bool
) -> None:
    """Eight trials of 50 seconds, so that its four trainings take 200: half of the search, and 70 % of 286 seconds."""
    clocked = Clocked(epochs=100)
    parameters = {"learning_rate": {"low": 0.01, "high": 0.1}, "epochs": 100, "depth": 4, "hidden_dim": 512}
    found = start_search(
        make_space(tmp_path, trials=8, parameters=parameters),
        SearchOptions(workers=1, cpus_per_worker=0.5, pack_size=1, time_budget=budget, ensemble=0),
        path=tmp_path / "run",
        command=["fcsearch", "run"],
        open_pool=clocked.open,
        report=False,
    )
    extent = found.run.manifest().confirmation
    assert (extent is not None) == confirms
    if extent:
        assert (len(extent.trials), len(extent.seeds)) == (2, 2)
        assert found.run.confirmations().num_rows == 4


def test_no_time_is_left_for_a_confirmation_without_a_time_budget_or_after_it(tmp_path: Path) -> None:
    space = make_space(tmp_path)
    around = Surroundings(make_run(tmp_path, space), SilentView(), Interruption(), deadline=None, began=0.0)
    dataset, options = load_dataset(space.dataset, space.input_forms), SearchOptions(time_budget=300)
    assert left_for_confirmation(around, options, dataset) == 0.0
    late = dataclasses.replace(around, deadline=time.monotonic() - 1)
    assert left_for_confirmation(late, options, dataset) == 0.0
    early = dataclasses.replace(around, deadline=time.monotonic() + 100)
    assert left_for_confirmation(early, options, dataset) == pytest.approx(100, abs=10)
    # The start of the refit's worker takes three seconds.
    refits = dataclasses.replace(options, refit=True)
    assert left_for_confirmation(early, refits, dataset) < left_for_confirmation(early, options, dataset) - 2
    # With folds the ensemble's follow.
    folded = load_dataset(dataclasses.replace(space.dataset, folds=3), space.input_forms)
    alone = left_for_confirmation(early, dataclasses.replace(options, ensemble=0), folded)
    assert left_for_confirmation(early, options, folded) < alone - 2


def test_where_time_does_not_decide_on_a_confirmation_no_trials_are_read(tmp_path: Path) -> None:
    space = make_space(tmp_path)
    unread = RunDirectory(tmp_path / "nowhere")
    dataset, options = load_dataset(space.dataset, space.input_forms), SearchOptions(time_budget=300)
    around = Surroundings(unread, SilentView(), Interruption(), deadline=None, began=0.0)
    assert left_for_confirmation(around, options, dataset) == 0.0
    early = dataclasses.replace(around, deadline=time.monotonic() + 100)
    assert left_for_confirmation(early, dataclasses.replace(options, confirm=2), dataset) == 0.0


def test_trials_have_that_time_too_where_a_confirmation_would_be_short_only_beside_more_of_them(tmp_path: Path) -> None:
    """Of 26 trials the four trainings of the least confirmation take 15.2 % of the time, of 27 they would take 14.6."""
    clocked = Clocked(epochs=100)
    options = SearchOptions(workers=1, cpus_per_worker=0.5, pack_size=1, ensemble=0)
    parameters = {"learning_rate": {"low": 0.01, "high": 0.1}, "epochs": 100, "depth": 4, "hidden_dim": 512}
    space = make_space(tmp_path, trials=26, parameters=parameters)
    run = start_search(
        space, dataclasses.replace(options, confirm=0), path=tmp_path / "run", command=[], open_pool=clocked.open,
        report=False,
    ).run  # fmt: skip
    dataset = load_dataset(space.dataset, space.input_forms)
    budgeted = dataclasses.replace(options, time_budget=300)
    around = Surroundings(run, SilentView(), Interruption(), deadline=299.0, began=0.0)
    assert later_end_of_trials(around, budgeted, dataset, []) == 299.0
    assert plan_confirmation(run, budgeted, dataset) is None


def test_trials_end_in_time_while_the_storage_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = make_space(tmp_path)
    around = Surroundings(make_run(tmp_path, space), SilentView(), Interruption(), deadline=299.0, began=0.0)
    dataset, options = load_dataset(space.dataset, space.input_forms), SearchOptions(time_budget=300)
    assert later_end_of_trials(around, options, dataset, []) == 299.0

    def away(_: RunDirectory) -> None:
        raise RunError("Input/output error")

    monkeypatch.setattr(RunDirectory, "trials", away)
    monkeypatch.setattr("fcsearch.search.loop.time_budget.storage_wait", lambda: "Input/output error")
    assert later_end_of_trials(around, options, dataset, []) is None


def left(task: PackTask) -> PackOutcome:
    """Each trial of the pack is left after three epochs, the best of them the second."""
    members = enumerate(task.trials)
    return outcome(
        task.pack_id, {t.trial_id: result(t.config, [0.1, 0.6 + n / 100, 0.2], "unfinished") for n, t in members}
    )


def test_trials_that_are_left_in_the_middle_are_recorded_and_not_counted() -> None:
    # Packs of three that take a second each, of accuracy 0.5.
    search = Search(deadline=1.5, total=60, pool={"leave": left}, unfinished=True).run()
    assert search.engine.early_end.closing == "time_budget"
    assert search.books.states == {number: "complete" if number < 3 else "unfinished" for number in range(6)}
    assert {row.value for row in search.books.rows[3:]} == {0.6, 0.61, 0.62}
    assert search.tracker.counts == {"complete": 3}
    # The models of the best two of either kind: a trial that has ended gives way to none that may still diverge.
    assert search.books.saved[-1] == ([4, 5], [0, 1, 5, 4])


def test_the_wait_for_a_first_result_ends_with_a_first_epoch() -> None:
    class Reporting(SimulatedPool):
        """Reports an epoch of the pack in training at every look."""

        def wait(self, timeout: float) -> list[Event]:
            found = super().wait(timeout)
            return found or [Progress(task.pack_id, 1, 2, len(task.trials), PLACE) for _, _, task in self._running]

    pool = {"leave": left, "seconds": lambda _: 2.0}
    search = Search(deadline=1.0, grace=10.0, total=60, kind=Reporting, pool=pool, unfinished=True).run()
    assert search.pool.clock() == pytest.approx(1.1, abs=0.15)


@pytest.mark.parametrize(("left", "kept"), [(100.0, 10.0), (4.0, 2.0), (-1.0, 0.0)])
def test_a_confirmation_leaves_the_refit_its_time_and_at_most_half_of_what_is_left(
    left: float, kept: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fcsearch.search.loop.time_budget.time", SimpleNamespace(monotonic=lambda: 50.0))
    monkeypatch.setattr("fcsearch.search.loop.time_budget.refit_seconds", lambda *_: 10.0)
    space = make_space(tmp_path)
    around = Surroundings(make_run(tmp_path, space), SilentView(), Interruption(), 50.0 + left, 0.0, grace=3.0)
    options = SearchOptions(refit=True, time_budget=200.0)
    before = leaving_the_refit(around, options, load_dataset(space.dataset), Extent((0,), (1,)))
    assert (before.deadline, before.grace) == (pytest.approx(50.0 + left - kept), pytest.approx(kept + 3.0))


@pytest.mark.parametrize(("budget", "grace"), [(None, 0.0), (3.0, 3.0), (100.0, 10.0)])
def test_a_first_epoch_may_take_ten_seconds_more_or_as_long_again_as_a_short_budget(
    budget: float | None, grace: float
) -> None:
    assert grace_of(SearchOptions(time_budget=budget)) == grace


@pytest.mark.parametrize("trained", [False, True])
def test_what_was_trained_before_is_not_said_to_be_trained_by_a_pack_that_is_left_at_once(trained: bool) -> None:
    def leave(task: PackTask) -> PackOutcome:
        return left(task) if trained else dataclasses.replace(left(task), trained_at=None)

    pool = {"leave": leave, "seconds": lambda _: 100.0}
    search = Search(deadline=0.5, grace=0.2, total=3, pool=pool, unfinished=True).run()
    assert set(search.books.states.values()) == {"unfinished"}
    assert (search.tracker.trained_at is not None) == trained
