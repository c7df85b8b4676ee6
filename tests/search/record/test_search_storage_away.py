"""Whichever operation of the ledger its storage refuses for a while, reading or writing: it is waited for."""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from search_helpers import make_run, make_space, outcome, result
from test_search_file_operations import EPOCHS, OPERATIONS, SOME_OR_EACH, TRIALS, assert_whole

from fcsearch.nn import FullyConnectedNet
from fcsearch.results import RunDirectory
from fcsearch.results.patience import Patience, patient
from fcsearch.results.tables import PartLimits
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.record.ledger import Ledger
from fcsearch.search.record.outcomes import epoch_records, trial_records
from fcsearch.search.record.pack_record import Model, PackRecord

# Whoever reads a run uses one of these.
READS = (
    *((os, name) for name in ("open", "stat", "listdir", "scandir")),
    (io, "open"),
    (builtins, "open"),
    (ds, "dataset"),
    (pq, "read_table"),
    (pq, "read_metadata"),
)


class Away:
    """The server of a run's folder, which does not answer once.

    Args:
        patch: Puts it in the place of the system's.
        run: The folder.
        after: Operations that it answers before.
    """

    def __init__(self, patch: pytest.MonkeyPatch, run: Path, after: int) -> None:
        self.left, self._run = after, str(run)
        for module, name in (*((os, name) for name in OPERATIONS), *READS):
            patch.setattr(module, name, self._counted(name, getattr(module, name)))

    def _counted(self, name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **keys: Any) -> Any:
            if self._concerns(name, args[0]):
                self.left -= 1
                if self.left == -1:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
            return operation(*args, **keys)

        return counted

    def _concerns(self, name: str, what: Any) -> bool:
        found = what[0] if isinstance(what, list) and what else what
        # Optuna's lock that cannot be removed is its own matter: after half a minute it counts as a dead program's.
        ends = name in ("rename", "unlink") and ".lock" in str(found)
        return (isinstance(found, int) or str(found).startswith(self._run)) and not ends


def record(ledger: Ledger, run: RunDirectory, trial: PlannedTrial) -> None:
    """Record a trial that keeps its model."""
    found = outcome(run.next_pack_id(), {trial.trial_id: result(trial.config, [0.5 + trial.trial_id / 100] * EPOCHS)})
    net = FullyConnectedNet(trial.config.hidden_dims, input_dim=4, num_classes=2, seed=1)
    model = Model(net.params, {"config": trial.config.to_json()}, np.zeros((4, 2), dtype=np.float16))
    rows = trial_records(found), epoch_records(found)
    ledger.record(PackRecord(found.pack_id, *rows, {trial.trial_id: model}, [trial.trial_id]))


@pytest.mark.parametrize("step", SOME_OR_EACH)
def test_an_operation_that_fails_for_a_while_is_done_later(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where an NFS server is away: packs in a part of their own, in a shared one, and in another."""
    space, limits, said, number = make_space(tmp_path), PartLimits(own=1, trials=2), list[str](), 0
    while True:
        run = RunDirectory(make_run(tmp_path, space, name=f"run-{number}").path, limits=limits)
        with run.writing():
            ledger = Ledger(run, space, seed=0)
            with (
                monkeypatch.context() as patch,
                patient(Patience(run.path, said.append, lambda: False, again=0)),
            ):
                storage = Away(patch, run.path, number)
                for _ in range(TRIALS):
                    record(ledger, run, *ledger.ask(1))
        assert assert_whole(run) == TRIALS
        assert Ledger(run, space, seed=0).recover() == []
        assert run.models.saved() == run.predictions.saved() == [TRIALS - 1]
        if storage.left >= 0:
            break
        number += step
    assert number > 30 * TRIALS, "each trial takes its two tables, its model, and the journal twice"
    assert len(said) > number / step


READERS: dict[str, Callable[[RunDirectory], object]] = {
    "which parts are damaged, where a search begins": lambda run: run.set_damaged_aside(),
    "whether parts are damaged": lambda run: run.is_whole(),
    "predictions": lambda run: run.predictions.load(TRIALS - 1).tolist(),
    "the number of predictions": lambda run: run.predictions.rows(TRIALS - 1),
}


@pytest.mark.parametrize("what", READERS)
def test_a_read_that_fails_for_a_while_is_done_later(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, said, number = make_space(tmp_path), list[str](), 0
    run = make_run(tmp_path, space)
    with run.writing():
        ledger = Ledger(run, space, seed=0)
        for _ in range(TRIALS):
            record(ledger, run, *ledger.ask(1))
        expected = READERS[what](run)
        while True:
            with monkeypatch.context() as patch, patient(Patience(run.path, said.append, lambda: False, again=0)):
                storage = Away(patch, run.path, number)
                assert READERS[what](run) == expected
            if storage.left >= 0:
                break
            number += 1
    assert len(said) == 2 * number > 0
