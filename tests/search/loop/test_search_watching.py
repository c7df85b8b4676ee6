"""Logs, signals, and the monitor that ends a search."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
from search_helpers import PLACE, outcome

from fcsearch.search.loop.dispatcher import Failure
from fcsearch.search.loop.interruption import Interruption, interruption
from fcsearch.search.loop.logs import output_to
from fcsearch.search.loop.monitor import Monitor
from fcsearch.search.loop.standings import Standings
from fcsearch.search.loop.view import SilentView, Status
from fcsearch.search.pool.messages import Progress


def test_all_that_others_print_goes_to_the_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.txt"
    log.write_text("before\n")
    propagated = logging.getLogger("optuna").propagate
    sys.stdout.write("shown\n")
    with output_to(log):
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
    with pytest.raises(KeyboardInterrupt), output_to(tmp_path / "log.txt"):
        raise KeyboardInterrupt
    os.write(2, b"shown\n")
    assert capfd.readouterr().err == "shown\n"


def test_the_first_signal_asks_the_second_ends() -> None:
    kept = signal.getsignal(signal.SIGINT)
    with interruption() as stop:
        assert not stop.requested
        signal.raise_signal(signal.SIGTERM)
        assert stop.requested
        assert not stop.again
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert stop.again
    assert signal.getsignal(signal.SIGINT) is kept


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    found: list[bool] = []

    def body() -> None:
        with interruption() as stop:
            found.append(stop.requested)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert found == [False]


class Recorder(SilentView):
    def __init__(self) -> None:
        self.seen: list[Status] = []
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def update(self, status: Status) -> None:
        self.seen.append(status)


class FakeDispatcher:
    closed = False

    def close(self) -> None:
        self.closed = True


def make_monitor(**keys: Any) -> tuple[Monitor, Recorder, FakeDispatcher, Interruption]:
    view, dispatcher, stop = Recorder(), FakeDispatcher(), Interruption()
    arguments: dict[str, Any] = {
        "total": 10,
        "before": ["complete"],
        "standings": Standings(1),
        "dispatcher": dispatcher,
        "interruption": stop,
        "deadline": None,
        "gpus": False,
        **keys,
    }
    return Monitor(view, **arguments), view, dispatcher, stop


def never() -> None:
    raise AssertionError("packs are not asked to leave")


def test_the_status_counts_what_was_done_before_and_since() -> None:
    monitor, view, _, _ = make_monitor()
    monitor.progressed(Progress(3, 1, 9, 2, PLACE))
    monitor.tick(never)
    monitor.progressed(Progress(4, 1, 9, 2, PLACE))
    monitor.ended(outcome(3, {}), [{"state": "stopped"}, {"state": "complete"}])
    status = monitor.status()
    assert [pack.pack_id for pack in view.seen[0].packs] == [3]
    assert [pack.pack_id for pack in status.packs] == [4]
    assert (status.done, status.counts, status.total) == (3, {"complete": 2, "stopped": 1}, 10)


def test_failures_are_counted_and_told() -> None:
    monitor, view, _, _ = make_monitor()
    monitor.failed(3, Failure("no memory"))
    monitor.failed(4, Failure("no memory", [{"state": "failed"}]))
    assert view.notices == [
        "pack 3 failed, its trials are tried again: no memory",
        "pack 4 failed, its trial is given up: no memory",
    ]
    assert monitor.counts["failed"] == 1


def test_a_gpu_that_torch_cannot_use_is_told_once_a_node() -> None:
    monitor, view, _, _ = make_monitor(gpus=True)
    for pack_id in range(3):
        monitor.ended(outcome(pack_id, {}), [])
    assert view.notices == ["torch can use no GPU on here (10.0.0.1): packs train on the CPU there (see log.txt)"]
    monitor, view, _, _ = make_monitor(gpus=False)
    monitor.ended(outcome(0, {}), [])
    assert view.notices == []


def test_the_time_left_is_told_by_this_stretch_alone() -> None:
    monitor, _, _, _ = make_monitor(total=5)
    assert monitor.status().seconds_left is None
    time.sleep(0.05)
    monitor.ended(outcome(0, {}), [{"state": "complete"}] * 2)
    status = monitor.status()
    assert status.seconds_left == pytest.approx(status.seconds, rel=0.2)
    hurried, _, _, _ = make_monitor(deadline=time.monotonic() + 3)
    assert 2 < (hurried.status().seconds_left or 0) <= 3


def test_an_interrupt_closes_and_asks_packs_to_leave() -> None:
    monitor, _, dispatcher, stop = make_monitor()
    monitor.tick(never)
    assert not dispatcher.closed
    stop.handle(signal.SIGINT, None)
    monitor.tick(lambda: None)
    assert dispatcher.closed
    asked = []
    monitor.tick(lambda: asked.append(1))
    assert asked
    assert monitor.status().closing == "interrupt"


def test_the_time_budget_closes() -> None:
    monitor, _, dispatcher, _ = make_monitor(deadline=time.monotonic() + 0.05)
    monitor.tick(never)
    assert not dispatcher.closed
    time.sleep(0.06)
    monitor.tick(lambda: None)
    assert dispatcher.closed
    assert monitor.closing == "time_budget"


def test_packs_that_do_not_leave_are_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcsearch.search.loop.monitor._GRACE_SECONDS", 0.05)
    monitor, _, _, stop = make_monitor()
    stop.requested = True
    monitor.tick(lambda: None)
    monitor.tick(lambda: None)
    time.sleep(0.06)
    with pytest.raises(KeyboardInterrupt):
        monitor.tick(lambda: None)
