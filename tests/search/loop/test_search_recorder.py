"""The ledger's thread, and the checkpoints that it keeps beside the books."""

from __future__ import annotations

from pathlib import Path

from engine_helpers import FakeBooks
from search_helpers import NOW, trials

from fcsearch.results import TrialRecord
from fcsearch.search.loop.recorder import Recorder
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.messages import Checkpointing
from fcsearch.search.record.checkpoints import Checkpoints
from fcsearch.search.record.pack_record import PackRecord

RULE = Checkpointing(every=0, bytes_per_second=1e12, key="these rows")


class FullDisk(FakeBooks):
    """A run whose disk is full, until it has been waited for to record a pack."""

    def __init__(self, run: Path) -> None:
        super().__init__()
        self._run = run
        (run / "checkpoints").write_text("no folder")

    def record(self, pack: PackRecord) -> list[int]:
        (self._run / "checkpoints").unlink(missing_ok=True)
        return super().record(pack)


def left(trial: PlannedTrial, state: str = "unfinished") -> TrialRecord:
    return TrialRecord(trial_id=trial.trial_id, state=state, config=trial.config, finished_at=NOW)


def kept(run: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(run.glob("checkpoints/trials/*"))]


def test_the_last_checkpoint_of_a_pack_waits_for_storage_as_its_rows_do(tmp_path: Path) -> None:
    planned, books = trials(2), FullDisk(tmp_path)
    recorder = Recorder(books, Checkpoints(tmp_path, "trials", RULE))
    recorder.keep(0, planned, b"an earlier epoch")
    recorder.keep(0, planned, b"the last epoch", last=True)
    recorder.record(PackRecord(0, [left(planned[0]), left(planned[1])]))
    recorder.shutdown()
    assert books.events == ["record 0"]
    assert kept(tmp_path) == [b"the last epoch"]


def test_one_of_a_pack_that_goes_on_does_not_wait(tmp_path: Path) -> None:
    """The next will come, and until then nothing holds it in memory."""
    planned, books = trials(2), FullDisk(tmp_path)
    recorder = Recorder(books, Checkpoints(tmp_path, "trials", RULE))
    recorder.keep(0, planned, b"an earlier epoch")
    recorder.record(PackRecord(0, [left(planned[0], "complete"), left(planned[1], "complete")]))
    recorder.shutdown()
    assert kept(tmp_path) == []


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
