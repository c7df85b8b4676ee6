"""The run directory: made whole or not at all, written by one, in the ledger's order."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from synthetic_run import add_trials, epoch_rows, trial_row

from fcsearch.errors import RunError
from fcsearch.nn import FullyConnectedNet
from fcsearch.results import EPOCHS, TRIALS, Manifest, RunDirectory, TrialRecord, find_runs
from fcsearch.results.upgrade import FORMAT
from fcsearch.training import TrialConfig

HOLDER = """
import sys, time
from pathlib import Path
from fcsearch.results import RunDirectory
from fcsearch.training import TrialConfig
with RunDirectory.open(Path(sys.argv[1])).writing():
    print("held", flush=True)
    time.sleep(60)
"""


def pack(*trial_ids: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows = [trial_row(trial_id) for trial_id in trial_ids]
    return rows, [epoch for row in rows for epoch in epoch_rows(row)]


def again(trial_id: int) -> TrialRecord:
    """A trial that was trained again, with another seed."""
    return TrialRecord(trial_id=trial_id, state="failed", config=TrialConfig(seed=7))


def refuse(folder: Path) -> Any:
    raise OSError(errno.EIO, os.strerror(errno.EIO), str(folder))


def unfinished(run: RunDirectory) -> list[Path]:
    return list((run.path / ".aside").glob("*"))


CHECKER = """
import os, sys
from pathlib import Path
from fcsearch.results import TRIALS
from fcsearch.results.parts import Parts
folder = Path(sys.argv[1])
parts = Parts(folder, TRIALS, aside=folder)
before = len(os.listdir("/proc/self/task"))
assert parts.damage(3) is None
print(len(os.listdir("/proc/self/task")) - before)
"""


class TestCreate:
    def test_makes_the_parents_and_the_folders(self, tmp_path: Path) -> None:
        run = RunDirectory.create(tmp_path / "a" / "b", Manifest(name="b", state="running"))
        assert {entry.name for entry in run.path.iterdir()} >= {"run.json", "trials", "epochs", "models"}
        assert run.manifest() == Manifest(format=FORMAT, name="b", state="running")
        assert (run.journal_path.name, run.log_path.name) == ("study.journal", "log.txt")

    def test_at_the_end_the_disk_has_its_name_and_those_of_its_parents(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        flushed, flush = set[int](), os.fsync
        monkeypatch.setattr(os, "fsync", lambda number: (flush(number), flushed.add(os.fstat(number).st_ino)))
        run = RunDirectory.create(tmp_path / "a" / "b" / "run", Manifest())
        assert {folder.stat().st_ino for folder in (run.path, *run.path.parents[:3])} <= flushed

    def test_refuses_a_name_that_is_taken_and_leaves_it_alone(self, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis.txt").write_text("dear")
        with pytest.raises(RunError, match=r"needs a free name; found .*mine, which exists"):
            RunDirectory.create(tmp_path / "mine", Manifest())
        assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]

    def test_refuses_a_place_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(
            RunError, match="must be a place to write; found: Not a directory; choose another with --out"
        ):
            RunDirectory.create(tmp_path / "file" / "run", Manifest())

    def test_leaves_nothing_behind_on_an_error(self, tmp_path: Path) -> None:
        with pytest.raises((TypeError, ValueError)):
            RunDirectory.create(tmp_path / "a" / "b", Manifest(options={"time_budget": object()}))
        assert list(tmp_path.iterdir()) == []

    def test_a_process_that_is_killed_leaves_no_half_of_a_run(self, tmp_path: Path) -> None:
        code = (
            "import os, sys; from pathlib import Path; from fcsearch.results import Manifest, RunDirectory, directory\n"
            "directory.write_manifest = lambda *_, **__: os.kill(os.getpid(), 9)\n"
            "RunDirectory.create(Path(sys.argv[1]), Manifest())"
        )
        path = tmp_path / "run"
        assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -signal.SIGKILL
        assert not path.exists()
        assert find_runs(tmp_path) == []
        RunDirectory.create(path, Manifest())
        assert list(tmp_path.iterdir()) == [path]


class TestOpen:
    def test_names_the_nearest_run(self, empty_run: RunDirectory) -> None:
        with pytest.raises(RunError, match=r"found nothing there; did you mean .*/new\?"):
            RunDirectory.open(empty_run.path.with_name("nwe"))

    def test_says_what_it_found(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(RunError, match=r"found a folder without run.json; `fcsearch runs` lists"):
            RunDirectory.open(tmp_path)
        with pytest.raises(RunError, match="found a file"):
            RunDirectory.open(tmp_path / "file")

    def test_refuses_a_later_format(self, empty_run: RunDirectory) -> None:
        empty_run.update_manifest({"format": 3})
        with pytest.raises(RunError, match="must be of a format from 1 to 2; found 3; use the fcsearch that wrote it"):
            RunDirectory.open(empty_run.path)


class TestManifest:
    def test_a_write_that_fails_leaves_the_old_content(
        self, empty_run: RunDirectory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(RunError, match=r"run.json must be writable; found: No space left on device"):
            empty_run.update_manifest({"state": "complete"})
        assert empty_run.manifest().state == "running"
        assert unfinished(empty_run) == []


class TestTables:
    def test_a_run_without_rows_has_empty_tables_of_the_right_schema(self, empty_run: RunDirectory) -> None:
        assert empty_run.trials().schema.equals(TRIALS, check_metadata=True)
        assert empty_run.epochs().schema.equals(EPOCHS, check_metadata=True)
        assert (len(empty_run.trials()), len(empty_run.epochs())) == (0, 0)

    def test_rows_come_back_sorted_with_the_meaning_of_the_columns(self, empty_run: RunDirectory) -> None:
        empty_run.write_pack(0, *pack(5, 2))
        empty_run.write_pack(1, *pack(1))
        trials, epochs = empty_run.trials(), empty_run.epochs()
        assert trials["trial_id"].to_pylist() == [1, 2, 5]
        assert trials["pack_id"].to_pylist() == [1, 0, 0]
        keys = list(zip(epochs["trial_id"].to_pylist(), epochs["epoch"].to_pylist(), strict=True))
        assert keys == sorted(keys)
        assert {trial for trial, _ in keys} == {1, 2, 5}
        assert trials.schema.equals(TRIALS, check_metadata=True)
        assert RunDirectory.open(empty_run.path).finished_trials() == empty_run.finished_trials() == {1, 2, 5}

    def test_a_pack_and_a_trial_are_counted_once(self, empty_run: RunDirectory) -> None:
        empty_run.write_pack(0, *pack(1, 2))
        with pytest.raises(RunError, match="found rows of pack 0; ask next_pack_id"):
            empty_run.write_pack(0, *pack(3))
        again = RunDirectory.open(empty_run.path)
        with pytest.raises(RunError, match="must be written once; found a row of trial 2"):
            again.write_pack(1, *pack(2, 3))
        assert again.trials()["trial_id"].to_pylist() == [1, 2]

    def test_nothing_is_written_of_a_pack_that_breaks_the_schema(self, empty_run: RunDirectory) -> None:
        rows, epochs = pack(1)
        with pytest.raises(RunError):
            empty_run.write_pack(0, [{**rows[0], "typo": 1}], epochs)
        with pytest.raises(RunError):
            empty_run.write_pack(0, rows, [{**epochs[0], "typo": 1}])
        assert [path.name for path in empty_run.path.glob("*/pack-*")] == []

    def test_next_pack_id_gives_no_number_twice(self, empty_run: RunDirectory) -> None:
        assert [empty_run.next_pack_id() for _ in range(3)] == [0, 1, 2]
        empty_run.write_pack(7, *pack(1))
        assert empty_run.next_pack_id() == 8
        assert RunDirectory.open(empty_run.path).next_pack_id() == 8

    def test_next_pack_id_of_the_only_writer_looks_once(
        self, empty_run: RunDirectory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The loop of a search asks for it, and must not wait for storage."""
        assert empty_run.next_pack_id() == 0
        RunDirectory.open(empty_run.path).write_confirmations(4, [again(1)])
        with empty_run.writing():
            assert empty_run.next_pack_id() == 5
            with monkeypatch.context() as patch:
                patch.setattr(Path, "iterdir", refuse)
                assert empty_run.next_pack_id() == 6
            empty_run.write_confirmations(empty_run.next_pack_id(), [again(2)])
            assert empty_run.next_pack_id() == 8
        RunDirectory.open(empty_run.path).write_confirmations(12, [again(3)])
        assert empty_run.next_pack_id() == 13

    def test_a_damaged_part_is_named(self, empty_run: RunDirectory) -> None:
        empty_run.write_pack(3, *pack(1))
        part = empty_run.path / "trials" / "pack-000003.parquet"
        part.write_bytes(part.read_bytes()[:200])
        with pytest.raises(RunError, match=r"pack-000003.*must be a whole Parquet file.*`fcsearch resume "):
            empty_run.trials()

    @pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads, which needs Linux's /proc")
    def test_a_part_is_checked_without_threads_that_outlive_the_check(self, empty_run: RunDirectory) -> None:
        """A thread of pyarrow that lets go of Python's bytes while the process ends aborts it."""
        empty_run.write_pack(3, *pack(1))
        command = [sys.executable, "-c", CHECKER, str(empty_run.path / "trials")]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "0\n"


class TestWriter:
    def test_leftovers_of_a_crash_are_cleared(self, empty_run: RunDirectory) -> None:
        (empty_run.path / ".aside" / "pack-000000.parquet.99").write_bytes(b"half")
        with empty_run.writing():
            assert unfinished(empty_run) == []

    def test_a_second_writer_is_refused_until_the_first_dies(self, empty_run: RunDirectory) -> None:
        assert empty_run.state() == "running"  # the manifest's word: no writer has come yet
        command = [sys.executable, "-c", HOLDER, str(empty_run.path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout.readline() == "held\n"
            try:
                assert empty_run.state() == "running"
                with (
                    pytest.raises(RunError, match="must have only one writer; found another"),
                    empty_run.writing(),
                ):
                    pass
            finally:
                holder.send_signal(signal.SIGKILL)
        assert empty_run.state() == "interrupted"
        with empty_run.writing():
            assert empty_run.state() == "running"
            add_trials(empty_run, range(3))
            empty_run.update_manifest({"state": "complete"})
        assert empty_run.state() == "complete"


MODEL_METADATA = {
    "config": TrialConfig(
        hidden_dims=(5,), dropout=0.25, input_dropout=0.125, reg=0.5, loss="svm", label_smoothing=0.1
    ).to_json(),
    "class_names": ["a", "ü"],
}


class TestModels:
    def weights(self) -> dict[str, torch.Tensor]:
        return dict(FullyConnectedNet((5,), input_dim=4, num_classes=2, seed=1).params)

    def test_a_model_comes_back_as_a_network_with_what_was_said_of_it(self, empty_run: RunDirectory) -> None:
        weights = self.weights()
        empty_run.models.save(12, {**weights, "W1": weights["W1"].T.contiguous().T}, MODEL_METADATA)
        model = empty_run.models.load(12)
        assert all(torch.equal(model.params[name], weights[name]) for name in weights)
        assert (model.dropout, model.reg, model.loss_name) == (0.25, 0.5, "svm")
        assert (model.input_dropout, model.label_smoothing) == (0.125, 0.1)
        assert empty_run.models.metadata(12) == MODEL_METADATA
        direct = FullyConnectedNet.load(empty_run.models.folder / "trial-000012.safetensors")
        assert torch.equal(direct.params["W2"], weights["W2"])

    def test_prune_keeps_the_named_ones(self, empty_run: RunDirectory) -> None:
        for trial_id in (1, 2, 30):
            empty_run.models.save(trial_id, self.weights(), MODEL_METADATA)
        assert empty_run.models.saved() == [1, 2, 30]
        empty_run.models.prune([30, 99])
        assert empty_run.models.saved() == [30]

    def test_one_that_was_not_kept_says_how_to_get_it(self, empty_run: RunDirectory) -> None:
        empty_run.models.save(1, self.weights(), MODEL_METADATA)
        with pytest.raises(
            RunError, match=r"models of trials: 1; train it again with `fcsearch train --run .* --trial 2`"
        ):
            empty_run.models.load(2)

    def test_a_damaged_one_is_an_error_that_says_so(self, empty_run: RunDirectory) -> None:
        path = empty_run.models.path(1)
        path.write_bytes(b"\x08\x00")
        for read in (empty_run.models.load, empty_run.models.metadata):
            with pytest.raises(RunError, match="must be a model that fcsearch saved") as damaged:
                read(1)
            said = str(damaged.value)
            assert said.count("must be") == 1
            again = f"fcsearch train --run {empty_run.path} --trial 1 --save {path}"
            assert said.endswith(f"train it again: `{again}`, then `fcsearch resume {empty_run.path}`")
