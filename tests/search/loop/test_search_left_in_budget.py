"""Whether a confirmation follows is decided by all trials, also by those in training when their time is up."""

from __future__ import annotations

import errno
import functools
import os
import time
from pathlib import Path
from typing import Any

import pytest
from cut_searches import Epochs, options, start
from search_helpers import make_run, make_space

from fcsearch.config.objective import OBJECTIVES
from fcsearch.data import load_dataset
from fcsearch.results import RunDirectory, TrialRecord
from fcsearch.results.patience import Patience, patient
from fcsearch.search.loop.engine import Engine
from fcsearch.search.loop.interruption import Interruption
from fcsearch.search.loop.later_stages import Surroundings, plan_confirmation
from fcsearch.search.loop.time_budget import later_end_of_trials
from fcsearch.search.loop.view import SilentView
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.messages import Reached
from fcsearch.search.record.outcomes import records_so_far
from fcsearch.training import TrialConfig

OPTIONS = SearchOptions(workers=1, cpus_per_worker=0.5, ensemble=0, time_budget=300)
END = 299.0


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return make_run(tmp_path, make_space(tmp_path))


def reached(numbers: range, epochs: int, gain: float, state: str = "unfinished") -> list[TrialRecord]:
    """Trials that have run so many epochs, the first of which was best; the first trial is the best of them."""
    planned = epochs if state == "complete" else 5000
    configs = {number: TrialConfig(learning_rate=0.1 / (number + 1), epochs=planned) for number in numbers}
    return records_so_far(
        [
            (PlannedTrial(number, config), Reached(number, state, epochs, 1.0, 1, gain - number / 1000, 0.5))
            for number, config in configs.items()
        ],
        OBJECTIVES["accuracy"],
    )


def later_end(run: RunDirectory, training: list[TrialRecord]) -> float | None:
    """The end of all training if nothing follows; None: trials end now."""
    around = Surroundings(run, SilentView(), Interruption(), deadline=END, began=0.0)
    space = run.space()
    return later_end_of_trials(around, OPTIONS, load_dataset(space.dataset, space.input_forms), training)


def test_trials_in_training_are_confirmed_where_none_has_ended(run: RunDirectory) -> None:
    training = reached(range(40), 2000, 0.9)
    assert later_end(run, []) == END
    assert later_end(run, training) is None
    # Too few of them for how long they are.
    assert later_end(run, training[:20]) == END


def test_trials_have_the_time_of_a_confirmation_that_those_in_training_make_too_long(run: RunDirectory) -> None:
    run.write_pack(0, reached(range(200), 400, 0.5, "complete"), [])
    best = reached(range(200, 202), 4900, 0.9)
    assert later_end(run, []) is None
    assert later_end(run, best) == END
    # As it is decided once they are left.
    run.write_pack(1, best, [])
    space = run.space()
    assert plan_confirmation(run, OPTIONS, load_dataset(space.dataset, space.input_forms)) is None


def test_a_trial_that_started_over_counts_with_what_it_had_reached_before(run: RunDirectory) -> None:
    run.write_pack(0, reached(range(20), 2000, 0.9), [])
    for epochs in (10, 1999):
        assert later_end(run, reached(range(20), epochs, 0.9)) == END
    run.write_pack(1, reached(range(20, 40), 2000, 0.8), [])
    assert later_end(run, reached(range(2), 10, 0.9)) is None
    # Further than before, they count as they are, and their confirmation would be longer.
    assert later_end(run, reached(range(2), 4999, 0.9)) == END


def test_a_trial_that_has_ended_counts_as_it_ended_however_far_it_was_before(run: RunDirectory) -> None:
    """As in the ledger: early stopping may end it sooner than an earlier session left it."""
    run.write_pack(0, reached(range(200), 400, 0.5, "complete"), [])
    run.write_pack(1, reached(range(200, 202), 4900, 0.9), [])
    # Their confirmation would be too long, until they end after few epochs.
    assert later_end(run, []) == END
    assert later_end(run, reached(range(200, 202), 10, 0.4)) == END
    assert later_end(run, reached(range(200, 202), 10, 0.4, "stopped")) is None


def test_storage_that_is_away_as_the_time_is_up_is_not_waited_for(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop asks: other packs' outcomes come meanwhile, and the time is up."""
    run.write_pack(0, reached(range(40), 2000, 0.5, "complete"), [])

    def refuse(folder: Path) -> Any:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(folder))

    said: list[str] = []
    monkeypatch.setattr(Path, "iterdir", refuse)
    with patient(Patience(run.path, said.append, lambda: False, seconds=2, again=0.1)):
        assert later_end(run, []) is None
    assert said == []


def test_the_time_that_was_kept_for_a_confirmation_is_used_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of forty trials has ended when their time is up."""
    epochs = Epochs(monkeypatch)
    parameters: dict[str, Any] = {"learning_rate": {"low": 0.01, "high": 0.1}, "epochs": 200, "hidden_dim": 8}

    def late() -> float:
        return time.monotonic() + 450 * (epochs.trained >= 2)

    monkeypatch.setattr("fcsearch.search.loop.session.Engine", functools.partial(Engine, clock=late))
    settings = options(pack_size=40, confirm="auto", time_budget=500)
    run = start(tmp_path, "run", settings, parameters=parameters, trials=40, early_stopping=None).run
    assert {(row["state"], row["epochs_run"]) for row in run.trials().to_pylist()} == {("unfinished", 2)}
    assert {row["epochs_run"] for row in run.confirmations().to_pylist()} == {2}
