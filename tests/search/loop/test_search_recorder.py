"""The ledger's thread, and the checkpoints that it keeps beside the books."""

from __future__ import annotations

import errno
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

import pytest
from engine_helpers import FakeBooks
from search_helpers import NOW, trials

from fcsearch.results import TrialRecord
from fcsearch.results.patience import Patience, patient
from fcsearch.search.loop.recorder import Recorder
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.messages import Checkpointing
from fcsearch.search.record import checkpoints
from fcsearch.search.record.checkpoints import Checkpoints
from fcsearch.search.record.pack_record import PackRecord

RULE = Checkpointing(every=0, bytes_per_second=1e12, key="these rows")


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """As often as this is long, the disk is full when a checkpoint is written."""
    times: list[None] = []
    real = checkpoints.whole_file

    def whole_file(path: Path) -> AbstractContextManager[BinaryIO]:
        if times:
            times.pop()
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path)

    monkeypatch.setattr(checkpoints, "whole_file", whole_file)
    return times


def left(trial: PlannedTrial, state: str = "unfinished") -> TrialRecord:
    return TrialRecord(trial_id=trial.trial_id, state=state, config=trial.config, finished_at=NOW)


def kept(run: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(run.glob("checkpoints/trials/*"))]


@pytest.mark.parametrize("rows", [True, False])
def test_the_last_checkpoint_of_a_pack_waits_for_storage_as_its_rows_do(
    tmp_path: Path, refused: list[None], rows: bool
) -> None:
    """Also that of a confirmation, which has no rows until it has ended."""
    planned, books, said = trials(2), FakeBooks(), list[str]()
    with patient(Patience(tmp_path, said.append, lambda: False, again=0.01)):
        recorder = Recorder(books, Checkpoints(tmp_path, "trials", RULE))
    refused.extend([None] * 3)
    recorder.keep(0, planned, b"the last epoch", last=True)
    recorder.record(PackRecord(0, [left(trial) for trial in planned] if rows else []))
    recorder.shutdown()
    assert books.events == ["record 0"] * rows
    assert kept(tmp_path) == [b"the last epoch"]
    assert [text.partition("can")[2][:20] for text in said] == ["not be written (No s", " be written again af"]


def test_one_of_a_pack_that_goes_on_does_not_wait(tmp_path: Path, refused: list[None]) -> None:
    """The next will come, and until then nothing holds it in memory."""
    planned, said = trials(2), list[str]()
    with patient(Patience(tmp_path, said.append, lambda: False, again=0.01)):
        recorder = Recorder(FakeBooks(), Checkpoints(tmp_path, "trials", RULE))
    refused.append(None)
    recorder.keep(0, planned, b"an earlier epoch")
    recorder.record(PackRecord(0, [left(trial, "complete") for trial in planned]))
    recorder.shutdown()
    assert (kept(tmp_path), said) == ([], [])


def test_what_is_not_done_keeps_its_checkpoint(tmp_path: Path) -> None:
    class Doubting(FakeBooks):
        """Writes nothing of trial 1, which had got further before."""

        def record(self, pack: PackRecord) -> list[int]:
            return [number for number in super().record(pack) if number != 1]

    planned = trials(2)
    recorder = Recorder(Doubting(), Checkpoints(tmp_path, "trials", RULE))
    recorder.keep(0, planned[:1], b"of trial 0")
    recorder.keep(1, planned[1:], b"of trial 1")
    recorder.record(PackRecord(2, [left(trial, "failed") for trial in planned]))
    recorder.shutdown()
    assert kept(tmp_path) == [b"of trial 1"]
