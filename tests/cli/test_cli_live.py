from __future__ import annotations

import io
import os
from typing import Any

import pytest
from rich.console import Console

from fcsearch.cli.live import LineView, LiveView, open_view, trial_line
from fcsearch.config.objective import OBJECTIVES
from fcsearch.results import TrialRecord
from fcsearch.search.loop.view import Best, SilentView, Status
from fcsearch.search.pool.messages import Place, Progress
from fcsearch.training import TrialConfig

PACK = Progress(5, 7, 30, 3, Place("box (10.0.0.1)", "cuda:1"))
TRIAL = TrialRecord(trial_id=4, state="stopped", config=TrialConfig(learning_rate=0.01), val_accuracy=0.5)


def status(**keys: Any) -> Status:
    best = Best(
        7,
        OBJECTIVES["accuracy"],
        0.9123,
        {"learning_rate": 0.012345, "hidden_dims": [64, 32], "momentum": None, "epochs": 30},
    )
    values: dict[str, Any] = {
        "total": 60,
        "counts": {"complete": 10, "stopped": 2, "failed": 1, "diverged": 0},
        "packs": (PACK,),
        "best": best,
        "seconds": 75.0,
        "seconds_left": 200.0,
        "closing": None,
        **keys,
    }
    return Status(**values)


def lines(verbose: bool = False, **options: float) -> tuple[LineView, io.StringIO]:
    stream = io.StringIO()
    parameters = ["learning_rate", "momentum"]
    return LineView(Console(file=stream), parameters=parameters, verbose=verbose, **options), stream


def test_lines_say_the_plan_and_the_end() -> None:
    view, stream = lines()
    view.started({"run": "runs/x", "trials": "60"})
    view.ended(status())
    assert stream.getvalue().splitlines() == [
        "run             runs/x",
        "trials          60",
        "13/60 trials (2 stopped, 1 failed) in 1 min 15 s",
    ]


def test_a_line_comes_when_there_is_something_new_and_not_too_often() -> None:
    view, stream = lines()
    view.update(status())
    assert stream.getvalue() == ""
    view, stream = lines(line_seconds=0.0)
    view.update(status())
    view.update(status())
    [line] = stream.getvalue().splitlines()
    assert line == "13/60 trials (2 stopped, 1 failed), 1 min 15 s, about 3 min 20 s left, best 91.23% (trial 7)"


def test_lines_say_once_that_the_search_ends() -> None:
    view, stream = lines()
    for _ in range(3):
        view.update(status(closing="interrupt"))
    assert stream.getvalue().count("Ctrl-C again ends at once") == 1


def test_every_trial_has_a_line_if_asked_for() -> None:
    for verbose, count in ((False, 0), (True, 1)):
        view, stream = lines(verbose)
        view.recorded([TRIAL])
        assert len(stream.getvalue().splitlines()) == count
    assert trial_line(TRIAL, ["learning_rate", "momentum"]) == "trial    4  stopped    50.00%  learning_rate 0.01"
    failed = TrialRecord(trial_id=5, state="failed", config=TrialConfig(), error="no memory")
    assert trial_line(failed, []).split() == ["trial", "5", "failed", "no", "memory"]


def test_a_terminal_shows_counts_best_and_packs() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=140, color_system=None)
    view = LiveView(console, parameters=["learning_rate", "hidden_dims", "momentum"], verbose=False)
    view.started({"run": "runs/x"})
    view.update(status())
    shown = stream.getvalue()
    for text in (
        "13/60 trials (2 stopped, 1 failed)",
        "about 3 min 20 s left",
        "best 91.23%  trial 7: learning_rate 0.01235, hidden_dims 64-32",
        "pack 5: 3 trials, epoch 7/30, box (10.0.0.1), cuda:1",
    ):
        assert text in shown
    view.update(status(packs=(PACK,) * 11, closing="time_budget", best=None))
    assert "and 3 packs more" in stream.getvalue()
    assert "the time budget is used up" in stream.getvalue()
    view.notice("take note")
    view.ended(status())
    assert stream.getvalue().rstrip().endswith("in 1 min 15 s")


def test_text_of_users_is_no_markup() -> None:
    view, stream = lines()
    view.started({"run": "runs/[red]x"})
    assert "runs/[red]x" in stream.getvalue()


def test_the_view_fits_the_stream(capfd: pytest.CaptureFixture[str]) -> None:
    with open_view(parameters=[], quiet=True, verbose=False) as view:
        assert isinstance(view, SilentView)
    with open_view(parameters=[], quiet=False, verbose=False) as view:
        assert isinstance(view, LineView)
        view.notice("seen")
        # Its descriptor is its own: what is done to the process's does not reach it.
        kept = os.dup(2)
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 2)
        view.notice("still seen")
        os.dup2(kept, 2)
        os.close(kept)
        os.close(devnull)
    assert capfd.readouterr().err == "seen\nstill seen\n"
