import io
import os
from typing import Any

import pytest
from rich.console import Console

from fcsearch.cli.live import LineView, LiveView, open_view, trial_line
from fcsearch.cli.panel import Panel, fitted, pack_line, time_pieces
from fcsearch.results import Best, PackStatus, Status, TrialRecord
from fcsearch.search.loop.view import SilentView
from fcsearch.training import TrialConfig

PACK = PackStatus(5, 8, 3, 7, 30, "box.lab (10.0.0.1)", "cuda:1", 0.5)
PARAMETERS = ["learning_rate", "hidden_dims", "momentum", "epochs"]
TRIAL = TrialRecord(trial_id=4, state="stopped", config=TrialConfig(learning_rate=0.01), val_accuracy=0.5)


def status(**keys: Any) -> Status:
    settings = {"learning_rate": 0.012345, "hidden_dims": [64, 32], "momentum": None, "epochs": 30}
    best = tuple(Best(trial, "accuracy", value, settings) for trial, value in ((7, 0.9123), (12, 0.9), (3, 0.89)))
    values: dict[str, Any] = {
        "total": 60,
        "counts": {"complete": 10, "stopped": 2, "failed": 1, "diverged": 0},
        "packs": (PACK,),
        "best": best,
        "seconds": 75.0,
        "seconds_left": 200.0,
        "closing": None,
        "per_minute": 10.4,
        "course": ((1, 0.25), (2, 0.7), (9, 0.9123)),
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


def test_one_training_is_said_as_one() -> None:
    view, stream = lines()
    view.ended(status(total=1, counts={"complete": 1}, what="refits"))
    assert stream.getvalue().startswith("1/1 refit in ")


def test_a_line_comes_when_there_is_something_new_and_not_too_often() -> None:
    view, stream = lines()
    view.update(status())
    assert stream.getvalue() == ""
    view, stream = lines(line_seconds=0.0)
    view.update(status())
    view.update(status())
    [line] = stream.getvalue().splitlines()
    assert line == (
        "13/60 trials (2 stopped, 1 failed), 1 min 15 s, 10.4 trials per minute with those in training, "
        "about 3 min 20 s left, best 91.23% (trial 7)"
    )


def test_a_rate_says_what_it_counts() -> None:
    assert time_pieces(status())[1] == "10.4 trials per minute with those in training"
    assert time_pieces(status(packs=(), what="confirmations"))[1] == "10.4 confirmations per minute"
    assert time_pieces(status(per_minute=None))[1] == "about 3 min 20 s left"


def test_lines_say_once_that_the_search_ends() -> None:
    view, stream = lines()
    for _ in range(3):
        view.update(status(closing="interrupt"))
    assert stream.getvalue().count("Ctrl-C again ends at once") == 1


def test_a_stage_that_follows_leaves_no_empty_line() -> None:
    view, stream = lines()
    for closing, what in (("time_budget", "trials"), (None, "refits"), ("time_budget", "refits")):
        view.update(status(closing=closing, what=what))
    assert stream.getvalue().splitlines() == ["the time budget is used up: packs in training end"] * 2


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
    console = Console(file=stream, force_terminal=True, width=140, height=40, color_system=None)
    view = LiveView(console, parameters=PARAMETERS, verbose=False)
    view.started({"run": "runs/x"})
    view.update(status())
    shown = stream.getvalue()
    for text in (
        "13/60 trials (2 stopped, 1 failed)",
        "10.4 trials per minute with those in training, about 3 min 20 s left",
        "91.23%  trial 7   learning_rate 0.01235, hidden_dims 64-32",
        "89.00%  trial 3   learning_rate",
        "pack 5: 3 of 8 trials, epoch 7/30, box.lab (10.0.0.1), cuda:1",
    ):
        assert text in shown
    view.update(status(packs=(PACK,) * 11, closing="time_budget", best=()))
    assert "and 3 packs more" in stream.getvalue()
    assert "the time budget is used up" in stream.getvalue()
    view.notice("take note")
    view.ended(status())
    assert stream.getvalue().rstrip().endswith("in 1 min 15 s")


def drawn(width: int, **keys: Any) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width, height=40, color_system=None).print(Panel(status(**keys), PARAMETERS))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("width", [60, 80, 117, 200])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_broken(width: int) -> None:
    long = dict.fromkeys((*PARAMETERS, "weight_decay", "label_smoothing", "input_dropout"), 0.123456)
    best = tuple(Best(trial, "accuracy", 0.9, long) for trial in (4711, 3, 2))
    pack = PackStatus(1234, 64, 63, 1, 300, "ip-10-0-12-133.eu-west-1.compute.internal (10.0.12.133)", "cuda:7", 31.0)
    counts = {"complete": 1000, "stopped": 2000, "failed": 300, "diverged": 40}
    lines = drawn(width, best=best, packs=(pack, pack), counts=counts, total=10_000, then="the best again with seeds")
    assert max(map(len, lines)) <= width
    words = {word for line in lines for word in line.replace(",", " ").split()}
    for word in ("learning_rate", "0.1235", "trials", "diverged)", "31.0"):
        assert any(word in found for found in words), (word, words)
    assert not any(line.endswith(("learning", "_", "(")) for line in lines)


def test_the_spark_line_rises_to_the_best() -> None:
    course = ((1, 0.25), (10, 0.7), (100, 0.9123))
    shown = drawn(80, counts={"complete": 130}, course=course)
    (line,) = [line for line in shown if line.startswith("best so far")]
    sparks = line.split()[4]
    assert line.split()[3] == "70.00%"
    assert line.endswith("91.23%")
    assert (sparks[0], sparks[-1]) == ("▁", "█")
    assert list(sparks) == sorted(sparks)
    assert not any(line.startswith("best so far") for line in drawn(80, course=()))


def test_it_says_why_nothing_happens() -> None:
    why = "no epoch has ended for 31.0 s"
    assert drawn(80, waiting=why)[-1] == why
    view, stream = lines()
    view.update(status(counts={}, waiting=why))
    assert stream.getvalue() == ""
    view._quiet_since -= 31
    view.update(status(counts={}, waiting=why))
    view.update(status(counts={}, waiting=why))
    assert stream.getvalue() == f"{why}\n"


def test_pieces_stay_whole() -> None:
    assert fitted(["aaa 1", "bbb 2", "ccc 3"], 12, lines=2) == ["aaa 1,", "bbb 2, ccc 3"]
    assert fitted(["aaa 1", "bbb 2", "ccc 3"], 13, lines=1) == ["aaa 1, ..."]
    assert fitted([], 10) == []


def test_a_pack_is_told_by_what_fits() -> None:
    assert pack_line(PACK, 200).endswith("epoch 7/30, box.lab (10.0.0.1), cuda:1")
    assert pack_line(PACK, 54).endswith("epoch 7/30, box.lab, cuda:1")
    assert pack_line(PACK, 48).endswith("epoch 7/30, box, cuda:1")
    waits = PackStatus(6, 1, 1, 0, 0, None, None, 12.0)
    assert pack_line(waits, 80) == "pack 6: 1 trial, handed out, 12.0 s ago"


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
