"""Searches that are cut in the middle of a trial go on from there, to the tables and weights of one that is not."""

import itertools
import os
import random
import signal
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from cut_searches import KEYS, PARAMETERS, Epochs, assert_same, options, resume, start
from engine_helpers import RecordingView
from inline_pool import Killed
from search_helpers import make_space
from search_processes import Processes, wait_for

from fcsearch.results import RunDirectory
from fcsearch.search.api import confirm_run, resume_search, saved_options
from fcsearch.search.local_pool.processes import ProcessPool
from fcsearch.search.loop.engine import Engine
from fcsearch.search.pool.checkpointing import Checkpointer
from fcsearch.search.record.ledger import Ledger
from fcsearch.training import Pack
from fcsearch.training.cohort import AskedToLeave


@pytest.fixture
def epochs(monkeypatch: pytest.MonkeyPatch) -> Epochs:
    return Epochs(monkeypatch)


@pytest.mark.parametrize("early_stopping", [None, KEYS["early_stopping"]], ids=["none", "asha"])
def test_a_search_that_is_killed_again_and_again_loses_no_epoch(
    tmp_path: Path, epochs: Epochs, early_stopping: Any
) -> None:
    whole = start(tmp_path, "whole", early_stopping=early_stopping).run
    needed, epochs.trained = epochs.trained, 0
    assert len(set(whole.trials()["state"].to_pylist())) == (2 if early_stopping else 1)
    run, draw = tmp_path / "cut", random.Random(1)
    epochs.kill_at = 0
    with pytest.raises(Killed):
        start(tmp_path, "cut", early_stopping=early_stopping)
    while epochs.trained < needed:
        epochs.kill_at = epochs.trained + draw.randint(1, 4)
        if epochs.kill_at >= needed:
            break
        with pytest.raises(Killed):
            resume(run)
        assert len(list((run / "checkpoints" / "trials").iterdir())) == 1 or epochs.trained == needed
    epochs.kill_at = None
    resume(run)
    assert_same(run, whole)
    assert epochs.trained == needed


def test_a_session_that_goes_on_says_how_far_the_run_is(tmp_path: Path, epochs: Epochs) -> None:
    epochs.kill_at = 2
    with pytest.raises(Killed):
        start(tmp_path, "cut")
    epochs.kill_at, view = None, RecordingView()
    run = RunDirectory.open(tmp_path / "cut")
    resume_search(run, saved_options(run), view=view)
    assert view.lines["so far"] == "0 of 6 trials done; 6 wait, 3 of them with a checkpoint"


def test_what_ended_in_a_pack_that_was_left_is_not_lost_before_it_is_recorded(
    tmp_path: Path, epochs: Epochs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last checkpoint of a pack does not hold them: until they have their rows, the one before stays."""
    keys: dict[str, Any] = {"early_stopping": None, "trials": 6}
    whole = start(tmp_path, "whole", options(pack_size=6), **keys).run
    needed, epochs.trained = epochs.trained, 0

    def killed(*_: object) -> None:
        raise Killed

    # One after each epoch but the last; that of the pack as it was left follows.
    due = Checkpointer.due
    monkeypatch.setattr(Checkpointer, "due", lambda one: due(one) if epochs.trained < 7 else None)
    late = {"clock": lambda: time.monotonic() + 1000 * (epochs.trained >= 7)}
    with monkeypatch.context() as patch:
        patch.setattr(Engine.__init__, "__kwdefaults__", {**(Engine.__init__.__kwdefaults__ or {}), **late})
        patch.setattr(Ledger, "record", killed)
        with pytest.raises(Killed):
            start(tmp_path, "cut", options(pack_size=6, time_budget=500), **keys)
    run = tmp_path / "cut"
    assert len(list((run / "checkpoints" / "trials").iterdir())) == 2
    resume(run, time_budget=None)
    assert_same(run, whole)
    assert epochs.trained == needed


def test_a_budget_that_is_shorter_than_a_trial_gets_to_the_end(
    tmp_path: Path, epochs: Epochs, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"parameters": {**PARAMETERS, "epochs": {"choices": [3, 5]}}, "trials": 4}
    whole = start(tmp_path, "whole", **keys).run
    needed, epochs.trained = epochs.trained, 0
    # By this clock every epoch takes longer than the budget.
    clock = {"clock": lambda: time.monotonic() + 1000 * (epochs.trained - before)}
    monkeypatch.setattr(Engine.__init__, "__kwdefaults__", {**(Engine.__init__.__kwdefaults__ or {}), **clock})
    run, before = tmp_path / "cut", 0
    start(tmp_path, "cut", options(time_budget=500), **keys)
    for _ in range(needed):
        before = epochs.trained
        if len(RunDirectory.open(run).finished_trials()) == keys["trials"]:
            break
        resume(run, time_budget=500)
        assert epochs.trained <= before + 1
    assert_same(run, whole)
    assert epochs.trained == needed


def test_a_damaged_checkpoint_is_passed_over_with_one_line(tmp_path: Path, epochs: Epochs) -> None:
    whole = start(tmp_path, "whole").run
    run, epochs.trained, epochs.kill_at = tmp_path / "cut", 0, 4
    with pytest.raises(Killed):
        start(tmp_path, "cut")
    [file] = (run / "checkpoints" / "trials").iterdir()
    damaged = bytearray(file.read_bytes())
    damaged[-100] ^= 1
    file.write_bytes(damaged)
    epochs.kill_at = None
    resume(run)
    assert_same(run, whole)
    assert (run / "log.txt").read_text().count("cannot be used, and its trials start over") == 1
    assert "Traceback" not in (run / "log.txt").read_text()


def test_confirmations_and_the_refit_go_on_too(tmp_path: Path, epochs: Epochs) -> None:
    settings = options(confirm=2, confirm_seeds=2, refit=True)
    whole = start(tmp_path, "whole", settings).run
    needed, epochs.trained = epochs.trained, 0
    run = tmp_path / "cut"
    for kill_at in itertools.count(3, 7):
        if kill_at >= needed:
            break
        epochs.kill_at = kill_at
        with pytest.raises(Killed):
            resume(run) if run.exists() else start(tmp_path, "cut", settings)
    epochs.kill_at = None
    resume(run)
    assert epochs.trained == needed
    assert_same(run, whole)
    moving = ["run", "train_seconds", "started_at", "finished_at", "pack_id"]
    found = RunDirectory.open(run).confirmations().drop_columns(moving)
    assert found == whole.confirmations().drop_columns(moving)
    ours, theirs = RunDirectory.open(run).models.load_refit().params, whole.models.load_refit().params
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_trial_that_fails_when_it_is_resumed_goes_on_from_its_checkpoint_later(
    tmp_path: Path, epochs: Epochs, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"early_stopping": None, "trials": 3}
    whole = start(tmp_path, "whole", **keys).run
    needed, epochs.trained = epochs.trained, 0
    train = Pack.train_epoch

    def interrupted(pack: Pack, leave: AskedToLeave | None) -> Any:
        if epochs.trained == 3:
            signal.raise_signal(signal.SIGINT)
        return train(pack, leave)

    with monkeypatch.context() as patch:
        patch.setattr(Pack, "train_epoch", interrupted)
        run = start(tmp_path, "cut", **keys).run
    assert len(run.unfinished_trials()) == 3
    with monkeypatch.context() as patch:
        patch.setattr(Pack, "train_epoch", Mock(side_effect=MemoryError))
        resume(run.path)
    assert len(RunDirectory.open(run.path).unfinished_trials()) == 3
    resume(run.path)
    assert_same(run.path, whole)
    assert epochs.trained == needed


def test_to_confirm_leaves_the_checkpoints_of_trials_that_wait(tmp_path: Path, epochs: Epochs) -> None:
    epochs.kill_at = 12
    with pytest.raises(Killed):
        start(tmp_path, "cut")
    epochs.kill_at = None
    [file] = (tmp_path / "cut" / "checkpoints" / "trials").iterdir()
    confirm_run(RunDirectory.open(tmp_path / "cut"), options(confirm=1, confirm_seeds=1))
    assert [*(tmp_path / "cut" / "checkpoints").iterdir(), *file.parent.iterdir()] == [file.parent, file]


# One pack of a few seconds.
LONG: dict[str, Any] = {"parameters": {**PARAMETERS, "epochs": 4000}, "early_stopping": None, "trials": 2}


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A search of one long pack that nobody disturbed."""
    return start(tmp_path_factory.mktemp("long"), "whole", **LONG).run


def test_a_worker_that_is_lost_costs_what_came_after_its_checkpoint(
    long: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    wait = ProcessPool.wait

    def deadly(pool: ProcessPool, timeout: float) -> Any:
        events = wait(pool, timeout)
        worker = pool._workers[0]
        if not killed and worker.process and any(getattr(event, "checkpoint", None) for event in events):
            killed.append(events[0].epoch)  # type: ignore[union-attr]
            os.kill(worker.process, signal.SIGKILL)
        return events

    monkeypatch.setattr(ProcessPool, "wait", deadly)
    said = "pack 1 of 2 trials is handed out from their checkpoint"
    # On a busy machine a worker may have trained its pack before this process comes to kill it.
    for name in ("cut", "second", "third"):
        killed.clear()
        start(tmp_path, name, options("local"), **LONG)
        assert killed
        assert_same(tmp_path / name, long)
        if said in (log := (tmp_path / name / "log.txt").read_text()):
            break
    assert said in log


@pytest.mark.parametrize(
    ("pool", "ended"),
    [
        ("local", "SIGKILL"),
        pytest.param("local", "SIGINT", marks=pytest.mark.slow),
        pytest.param("ray", "SIGKILL", marks=[pytest.mark.ray, pytest.mark.slow]),
        pytest.param("ray", "SIGINT", marks=[pytest.mark.ray, pytest.mark.slow]),
    ],
)
def test_a_process_that_is_ended_in_the_middle_of_a_trial(
    pool: str, ended: str, long: RunDirectory, commands: Processes, tmp_path: Path
) -> None:
    make_space(tmp_path, **{**KEYS, **LONG})
    sizes = ("--cpus-per-worker", "0.5", "--workers", "1", "--pack-size", "3", "--seed", "3", "--ensemble", "0")
    space = ("--space", str(tmp_path / "space.yaml"), "--pool", pool, "--confirm", "0")
    # An end that is asked for keeps the last epoch, whenever the last checkpoint was.
    every = "0" if ended == "SIGKILL" else "1000"
    driver = commands.start("run", *space, *sizes, "--checkpoint-every", every, "--name", "cut")
    run = tmp_path / "runs" / "cut"
    log = run / "log.txt"
    folder = run / "checkpoints" / "trials"
    if ended == "SIGKILL":
        wait_for(lambda: any(folder.glob("*.safetensors")))
    else:
        wait_for(lambda: log.exists() and " trains on " in log.read_text())
    os.killpg(driver.pid, signal.Signals[ended])
    driver.wait(timeout=40)
    commands.end()
    assert any(folder.glob("*.safetensors"))
    assert commands.run("resume", "cut") == 0, commands.err
    assert "from their checkpoint" in log.read_text()
    assert_same(run, long)
