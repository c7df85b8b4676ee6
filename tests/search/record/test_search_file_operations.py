"""The process dies at any one file operation of the ledger: no trial is lost, none counts twice, and readers agree."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest
from search_helpers import make_run, make_space, outcome, record, result

from fcsearch.results import RunDirectory
from fcsearch.results.tables import PartLimits
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.record.ledger import Ledger
from fcsearch.space import SearchSpace

# What the ledger does to files, in whosever code: Parquet, run.json, Optuna's journal and its lock.
OPERATIONS = ("fsync", "mkdir", "rename", "replace", "rmdir", "symlink", "truncate", "unlink")
TRIALS = 3
EPOCHS = 2


class Killed(BaseException):
    """Stands in for SIGKILL."""


class FileSystem:
    """Counts file operations, and lets the process die before one of them.

    Args:
        patch: Puts it in the place of the system's.
        lives: Operations that are done before it dies.
        half: Whether what it was writing is in the file only in part.
    """

    def __init__(self, patch: pytest.MonkeyPatch, lives: int, *, half: bool) -> None:
        self.left, self._half = lives, half
        for name in OPERATIONS:
            patch.setattr(os, name, self._counted(name, getattr(os, name)))

    def _counted(self, name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **keys: Any) -> Any:
            # Nothing is done by who is dead, in `finally` either.
            if self.left <= 0:
                if name == "fsync" and self._half:
                    self._half = False
                    self._tear(*args)
                raise Killed
            self.left -= 1
            # What is written is in the file before it is flushed to the disk, which takes time here.
            return None if name == "fsync" else operation(*args, **keys)

        return counted

    @staticmethod
    def _tear(descriptor: int) -> None:
        """Take back the last bytes that were written; a folder has none."""
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, max(0, os.fstat(descriptor).st_size - 20))


@pytest.fixture
def space(tmp_path: Path) -> SearchSpace:
    return make_space(tmp_path)


def search(run: RunDirectory, space: SearchSpace) -> None:
    """Ask for what is missing and record it in packs of one, as a search or its resumption does."""
    with run.writing():
        assert run.set_damaged_aside() == []
        ledger = Ledger(run, space, seed=0)
        waiting: list[PlannedTrial] = ledger.recover()
        waiting += ledger.ask(TRIALS - len(waiting) - len(run.finished_trials()))
        for trial in waiting:
            history = [0.5 + trial.trial_id / 100] * EPOCHS
            record(ledger, outcome(run.next_pack_id(), {trial.trial_id: result(trial.config, history)}))


def assert_whole(run: RunDirectory) -> int:
    """No trial and no epoch is there twice, and each trial has its epochs; returns how many trials there are."""
    read = RunDirectory.open(run.path)
    trials = read.trials()["trial_id"].to_pylist()
    assert len(set(trials)) == len(trials)
    epochs = [tuple(row.values()) for row in read.epochs().select(["trial_id", "epoch"]).to_pylist()]
    assert epochs == [(trial, epoch) for trial in trials for epoch in range(1, EPOCHS + 1)]
    assert sorted(ds.dataset(run.path / "trials").to_table(["trial_id"])["trial_id"].to_pylist()) == trials
    found = ds.dataset(run.path / "epochs").to_table(["trial_id", "epoch"]).to_pylist()
    # Epochs whose trial is not written yet are there before it is.
    assert len(epochs) <= len({tuple(row.values()) for row in found}) == len(found) <= len(epochs) + EPOCHS
    return len(trials)


# Every fifth operation, or each.
SOME_OR_EACH = [pytest.param(5, id="some"), pytest.param(1, id="each", marks=pytest.mark.slow)]


@pytest.mark.parametrize("step", SOME_OR_EACH)
@pytest.mark.parametrize("half", [False, True], ids=["before", "half way"])
def test_a_crash_at_any_file_operation_loses_and_doubles_nothing(
    tmp_path: Path, space: SearchSpace, monkeypatch: pytest.MonkeyPatch, *, half: bool, step: int
) -> None:
    """The first pack has a part of its own, the second joins it, the third begins another."""
    limits = PartLimits(own=1, trials=2)
    # Where not each is cut, those are that the other case leaves out.
    cut, done = (step // 2 if half else 0), 0
    while True:
        run = RunDirectory(make_run(tmp_path, space, name=f"cut-{cut}").path, limits=limits)
        with monkeypatch.context() as patch:
            files = FileSystem(patch, lives=cut, half=half)
            try:
                search(run, space)
            except Killed:
                pass
            else:
                break
        done, before = assert_whole(run), done
        assert before <= done <= before + 1
        search(RunDirectory(run.path, limits=limits), space)
        assert assert_whole(run) == TRIALS
        cut += step
    assert 0 <= files.left < step
    assert cut > 8 * TRIALS, "each trial takes its two tables, and the journal twice"
