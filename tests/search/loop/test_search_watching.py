"""Logs, signals, and the tracker."""

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
from engine_helpers import RecordingView
from search_helpers import PLACE, outcome

from fcsearch.errors import RunError
from fcsearch.results import TrialRecord
from fcsearch.search.loop.interruption import Terminated, interruption
from fcsearch.search.loop.logs import output_to
from fcsearch.search.loop.standings import Standings
from fcsearch.search.loop.tracker import Tracker
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.interface import Raised
from fcsearch.search.pool.messages import PackTask, Progress, Reached
from fcsearch.training import TrialConfig


def say_nothing(text: str) -> None:
    pytest.fail(text)


def test_all_that_others_print_goes_to_the_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.txt"
    log.write_text("before\n")
    propagated = logging.getLogger("optuna").propagate
    sys.stdout.write("shown\n")
    with output_to(log, say_nothing):
        sys.stdout.write("python out\n")
        sys.stderr.write("python err\n")
        os.write(1, b"c out\n")
        os.write(2, b"c err\n")
        subprocess.run(["sh", "-c", "echo child out; echo child err >&2"], check=True)
        logging.getLogger("ray.tune").warning("ray says")
        logging.getLogger("optuna.study").info("optuna says")
        warnings.warn("a warning", stacklevel=1)
    sys.stdout.write("shown again\n")
    text = log.read_text()
    for line in (
        "before",
        "python out",
        "python err",
        "c out",
        "c err",
        "child out",
        "child err",
        "ray says",
        "a warning",
    ):
        assert line in text
    assert "INFO optuna.study: optuna says" in text
    assert capfd.readouterr() == ("shown\nshown again\n", "")
    assert logging.getLogger("optuna").propagate == propagated


def test_the_terminal_is_given_back_after_an_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), output_to(tmp_path / "log.txt", say_nothing):
        raise KeyboardInterrupt
    os.write(2, b"shown\n")
    assert capfd.readouterr().err == "shown\n"


@pytest.mark.parametrize("what", ["folder", "link"])
def test_a_log_that_is_no_plain_file_is_refused(what: str, tmp_path: Path) -> None:
    log, other = tmp_path / "log.txt", tmp_path / "other"
    other.write_text("mine")
    log.mkdir() if what == "folder" else log.symlink_to(other)
    with pytest.raises(RunError, match="must be a plain file"), output_to(log, say_nothing):
        pass
    assert other.read_text() == "mine"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is a full disk on Linux alone")
def test_a_log_without_room_ends_no_search_and_is_told_once() -> None:
    said: list[str] = []
    with output_to(Path("/dev/full"), said.append):
        logging.getLogger("fcsearch").warning("lost")
        assert len(said) == 1
        sys.stdout.write("lost, too\n")
    assert len(said) == 1
    assert re.fullmatch(r"since [\d:]{8} UTC /dev/full cannot be written \(No space left on device\): what .*", said[0])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is a full disk on Linux alone")
def test_nor_does_a_terminal_that_is_gone_with_it() -> None:
    def say(_: str) -> None:
        raise BrokenPipeError

    with output_to(Path("/dev/full"), say):
        sys.stdout.write("lost\n")


def test_the_first_signal_asks_the_second_ends() -> None:
    kept = signal.getsignal(signal.SIGINT)
    with interruption() as stop:
        assert not stop.requested
        signal.raise_signal(signal.SIGTERM)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is kept


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_sigterm_is_told_from_ctrl_c(first: signal.Signals) -> None:
    with interruption():
        signal.raise_signal(first)
        with pytest.raises(Terminated):
            signal.raise_signal(signal.SIGTERM)


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    found: list[bool] = []

    def body() -> None:
        with interruption() as stop:
            found.append(stop.requested)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert found == [False]


def make_tracker(**keys: Any) -> tuple[Tracker, RecordingView, list[float]]:
    """A tracker, its view, and a clock to set."""
    view, now = RecordingView(), [100.0]
    arguments: dict[str, Any] = {
        "total": 10,
        "before": ["complete"],
        "standings": Standings(1),
        "deadline": None,
        "gpus": False,
        "clock": lambda: now[0],
        **keys,
    }
    return Tracker(view, **arguments), view, now


def ended(state: str) -> TrialRecord:
    return TrialRecord(trial_id=0, state=state, config=TrialConfig())


def test_the_status_counts_what_was_done_before_and_since() -> None:
    tracker, view, now = make_tracker()
    tracker.progressed(Progress(3, 1, 9, 2, PLACE))
    tracker.show(None)
    tracker.progressed(Progress(4, 1, 9, 2, PLACE))
    # Not again at once.
    tracker.show(None)
    assert [[pack.pack_id for pack in status.packs] for status in view.seen] == [[3]]
    now[0] += 1
    tracker.show("interrupt")
    assert ([pack.pack_id for pack in view.seen[1].packs], view.seen[1].closing) == ([3, 4], "interrupt")
    tracker.ended(outcome(3, {}), [ended("stopped"), ended("complete")])
    status = tracker.status(None)
    assert [pack.pack_id for pack in status.packs] == [4]
    assert (status.done, status.counts, status.total) == (3, {"complete": 2, "stopped": 1}, 10)


def test_failures_are_counted_and_told() -> None:
    tracker, view, _ = make_tracker()
    tracker.failed(Raised(3, "no memory"), [])
    tracker.failed(Raised(4, "no memory"), [ended("failed")])
    assert view.notices == [
        "pack 3 failed, its trials are tried again: no memory",
        "pack 4 failed, its trial is given up: no memory",
    ]
    assert tracker.counts["failed"] == 1


def test_a_gpu_that_torch_cannot_use_is_told_once_a_node() -> None:
    tracker, view, _ = make_tracker(gpus=True)
    for pack_id in range(3):
        tracker.ended(outcome(pack_id, {}), [])
    assert view.notices == ["torch cannot use a GPU on here (10.0.0.1): packs train on the CPU there (see log.txt)"]
    tracker, view, _ = make_tracker(gpus=False)
    tracker.ended(outcome(0, {}), [])
    assert view.notices == []


def test_the_time_left_is_told_by_this_stretch_alone() -> None:
    tracker, _, now = make_tracker(total=5)
    assert tracker.status(None).seconds_left is None
    now[0] += 6
    tracker.ended(outcome(0, {}), [ended("complete")] * 2)
    status = tracker.status(None)
    assert (status.seconds, status.seconds_left) == (6, 6)
    assert make_tracker(deadline=103.0)[0].status(None).seconds_left == 3


def test_the_time_left_goes_by_the_later_trials_where_these_are_slower() -> None:
    tracker, _, now = make_tracker(before=(), total=40)
    for _ in range(10):
        now[0] += 1
        tracker.ended(outcome(0, {}), [ended("stopped")])
        tracker.status(None)
    assert tracker.status(None).seconds_left == 30
    # From now on one takes four seconds.
    for _ in range(10):
        now[0] += 4
        tracker.ended(outcome(0, {}), [ended("complete")])
        tracker.status(None)
    status = tracker.status(None)
    assert status.seconds_left == pytest.approx(80, rel=0.1)
    assert status.per_minute == 24.0
    # If they become faster again, the whole is the better guide.
    for _ in range(10):
        now[0] += 0.1
        tracker.ended(outcome(0, {}), [ended("stopped")])
    assert tracker.status(None).seconds_left == pytest.approx(10 * 51 / 30, rel=0.2)


def task(number: int, trials: int = 4) -> PackTask:
    return PackTask(number, tuple(PlannedTrial(place, TrialConfig()) for place in range(trials)))


def test_what_is_done_of_a_pack_counts_towards_the_rate() -> None:
    tracker, _, now = make_tracker(before=(), total=12, then="more", then_share=0.2)
    tracker.handed_out(task(0), workers=1)
    now[0] += 10
    status = tracker.status(None)
    assert (status.seconds_left, status.then) == (None, "more")
    tracker.progressed(Progress(0, 5, 10, 3, PLACE))
    status = tracker.status(None)
    # Of trials a minute nothing is known before one has ended.
    assert (status.per_minute, status.seconds_left, status.then) == (None, 50.0, "more (about 12 s)")
    tracker.ended(outcome(0, {}), [ended("complete")] * 4)
    assert tracker.status(None).per_minute == 24.0
    [pack] = status.packs
    assert (pack.trials, pack.alive, pack.node, pack.silent_seconds) == (4, 3, PLACE.node, 0.0)


def test_what_trials_in_training_have_reached_is_known_by_the_last_reports() -> None:
    tracker, _, _ = make_tracker()
    for number in (0, 1):
        tracker.handed_out(task(number), workers=2)
    assert tracker.reached() == []
    early, late = (Reached(2, epochs=epoch, best_epoch=epoch, gain=0.1 * epoch) for epoch in (3, 4))
    for found in (early, late):
        tracker.progressed(Progress(1, found.epochs, 9, 4, PLACE, reached=(found,)))
    assert tracker.reached() == [(task(1).trials[2], late)]
    tracker.ended(outcome(1, {}), [])
    assert tracker.reached() == []


def test_why_nothing_happens_is_said() -> None:
    tracker, view, now = make_tracker()
    assert tracker.status(None).waiting == "no pack is in training yet"
    assert tracker.status("interrupt").waiting is None
    tracker.show(None, choosing=True)
    assert view.seen[-1].waiting == "the sampler chooses the next trials"
    tracker.handed_out(task(0), workers=2)
    # More trials come: the second worker gets them in a moment.
    assert tracker.status(None).waiting is None
    last, _, _ = make_tracker(before=(), total=4)
    last.handed_out(task(0), workers=2)
    assert last.status(None).waiting == "1 worker idle: the last trials are in training"
    tracker.handed_out(task(1), workers=2)
    assert tracker.status(None).waiting is None
    now[0] += 11
    assert tracker.status(None).waiting == "workers start, or train their first epoch: nothing heard for 11.0 s"
    tracker.progressed(Progress(0, 1, 9, 2, PLACE))
    assert tracker.status(None).waiting is None
    now[0] += 12
    assert tracker.status(None).waiting == "no epoch has ended for 12.0 s"
