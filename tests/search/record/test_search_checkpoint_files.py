"""Checkpoints in a run directory: which file a trial goes on from, and when files go."""

from __future__ import annotations

import dataclasses
import errno
import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from fcsearch.errors import RunError
from fcsearch.results.patience import Patience, patient
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.messages import Checkpointing
from fcsearch.search.record.checkpoints import Checkpoints, clear_checkpoints
from fcsearch.training import Pack, TrainingData, TrialConfig

RULE = Checkpointing(every=0, bytes_per_second=1e12, key="these rows")
TRIALS = [PlannedTrial(number, TrialConfig(hidden_dims=(4,), learning_rate=0.1 / (number + 1))) for number in range(6)]


def content(trials: Sequence[PlannedTrial], *, epochs: int = 1, key: str = RULE.key) -> bytes:
    """A pack of these trials after so many epochs."""
    X = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    y = (X[:, 0] > 0).long()
    pack = Pack([trial.config for trial in trials], TrainingData(X, y, X, y, 2))
    for _ in range(epochs):
        pack.train_epoch()
    return pack.saved({"trials": [trial.trial_id for trial in trials], "key": key}).dump()


def files(run: Path) -> list[str]:
    return sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_file())


def opened(run: Path, waiting: Sequence[PlannedTrial] = TRIALS) -> tuple[Checkpoints, list[str]]:
    """As the next process finds them."""
    found = Checkpoints(run, "trials", RULE)
    return found, found.recover(waiting)


def test_a_new_checkpoint_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    found, _ = opened(tmp_path)
    first, second = content(TRIALS[:3]), content(TRIALS[:3], epochs=2)
    found.write(TRIALS[:3], first)
    assert found.content(TRIALS[:3]) == first
    found.write(TRIALS[:3], second)
    assert files(tmp_path) == ["checkpoints/trials/000002.safetensors"]
    assert found.content(TRIALS[:3]) == second
    again, lines = opened(tmp_path)
    assert lines == []
    assert again.content(TRIALS[:3]) == second
    assert again.content(TRIALS[1:2]) == second
    assert again.content(TRIALS[3:]) is None


def test_a_file_goes_with_the_last_trial_that_needs_it(tmp_path: Path) -> None:
    found, _ = opened(tmp_path)
    found.write(TRIALS[:4], content(TRIALS[:4]))
    found.write(TRIALS[4:], content(TRIALS[4:]))
    # The pack was halved, and one half has got further.
    found.write(TRIALS[:2], content(TRIALS[:2], epochs=2))
    assert len(files(tmp_path)) == 3
    found.release([2])
    assert len(files(tmp_path)) == 3
    found.release([3])
    assert files(tmp_path) == [f"checkpoints/trials/00000{number}.safetensors" for number in (2, 3)]
    found.release([0, 1, 4, 5])
    assert list(tmp_path.iterdir()) == []


def test_the_next_process_overwrites_nothing_and_removes_what_no_trial_needs(tmp_path: Path) -> None:
    found, _ = opened(tmp_path)
    found.write(TRIALS[:2], content(TRIALS[:2]))
    found.write(TRIALS[2:4], content(TRIALS[2:4]))
    folder = tmp_path / "checkpoints" / "trials"
    (folder / ".000003.safetensors.77.part").write_bytes(b"cut short")
    again, lines = opened(tmp_path, TRIALS[2:])
    assert lines == []
    assert files(tmp_path) == ["checkpoints/trials/000002.safetensors"]
    again.write(TRIALS[4:], content(TRIALS[4:]))
    assert files(tmp_path)[1:] == ["checkpoints/trials/000003.safetensors"]
    opened(tmp_path, [])
    assert list(tmp_path.iterdir()) == []


def test_of_two_files_the_later_epoch_counts(tmp_path: Path) -> None:
    found, _ = opened(tmp_path)
    folder = tmp_path / "checkpoints" / "trials"
    found.write(TRIALS[:2], content(TRIALS[:2], epochs=3))
    (folder / "000009.safetensors").write_bytes(content(TRIALS[:2], epochs=2))
    again, _ = opened(tmp_path)
    assert {path.name for path in again.files.values()} == {"000001.safetensors"}
    assert files(tmp_path) == ["checkpoints/trials/000001.safetensors"]


@pytest.mark.parametrize("what", ["damaged", "other rows", "another configuration", "something else", "a folder"])
def test_what_is_no_use_is_removed_with_one_line(tmp_path: Path, what: str) -> None:
    found, _ = opened(tmp_path)
    found.write(TRIALS[4:], content(TRIALS[4:]))
    path = tmp_path / "checkpoints" / "trials" / "000005.safetensors"
    if what == "damaged":
        path.write_bytes(content(TRIALS[:2])[:-1])
    elif what == "other rows":
        path.write_bytes(content(TRIALS[:2], key="those rows"))
    elif what == "another configuration":
        other = dataclasses.replace(TRIALS[0], config=TrialConfig(hidden_dims=(5,)))
        path.write_bytes(content([other, TRIALS[1]]))
    elif what == "something else":
        path.write_bytes(b"\x80\x04N.")
    else:
        path.mkdir()
    again, lines = opened(tmp_path)
    assert len(lines) == 1
    assert lines[0].startswith(f"{path} cannot be used, and its trials start over: ")
    assert again.content(TRIALS[:2]) is None
    assert again.content(TRIALS[4:]) is not None
    assert files(tmp_path) == ["checkpoints/trials/000001.safetensors"]


def test_overtaken_configurations_of_a_confirmation_are_removed_without_a_line(tmp_path: Path) -> None:
    """Another trial has become the best: the numbers stand for other trainings."""
    other = dataclasses.replace(TRIALS[0], config=TrialConfig(hidden_dims=(5,)))
    for stage, lines in (("confirmations", 0), ("trials", 1)):
        folder = tmp_path / "checkpoints" / stage
        folder.mkdir(parents=True)
        (folder / "000001.safetensors").write_bytes(content([other, TRIALS[1]]))
        found = Checkpoints(tmp_path, stage, RULE)
        assert len(found.recover(TRIALS)) == lines
        assert (dict(found.files), folder.exists()) == ({}, False)
    (tmp_path / "checkpoints" / "confirmations").mkdir(parents=True)
    (tmp_path / "checkpoints" / "confirmations" / "000001.safetensors").write_bytes(content(TRIALS[:2])[:-1])
    assert len(Checkpoints(tmp_path, "confirmations", RULE).recover(TRIALS)) == 1


def test_a_disk_that_refuses_ends_no_search(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "checkpoints").write_text("no folder")
    found, lines = opened(tmp_path)
    with caplog.at_level(logging.WARNING):
        found.write(TRIALS[:2], content(TRIALS[:2]))
    assert (lines, found.content(TRIALS[:2]), len(caplog.messages)) == ([], None, 1)
    assert caplog.messages[0].startswith("a checkpoint could not be written: ")


def test_one_that_cannot_be_read_stays_and_the_search_does_not_begin_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = opened(tmp_path)
    found.write(TRIALS[:2], content(TRIALS[:2], epochs=3))
    read, refusals = Path.read_bytes, [errno.EACCES]

    def refuse(path: Path) -> bytes:
        if refusals:
            raise OSError(refusals.pop(), "refused", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    for needs in (lambda: opened(tmp_path), lambda: found.content(TRIALS[:2])):
        refusals[:] = [errno.EACCES]
        with pytest.raises(RunError, match=r"1\.safetensors must be readable; found: refused; permit it, or remove it"):
            needs()
        assert files(tmp_path) == ["checkpoints/trials/000001.safetensors"]
    # Where its server is away it is waited for.
    refusals[:] = [errno.EIO, errno.EIO]
    with patient(Patience(tmp_path, lambda _: None, lambda: False, again=0)):
        again, lines = opened(tmp_path)
    assert (lines, again.files.keys()) == ([], {0, 1})


def test_others_are_written_and_released_while_one_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = opened(tmp_path)
    first, newer = content(TRIALS[:2]), content(TRIALS[:2], epochs=2)
    found.write(TRIALS[:2], first)
    found.write(TRIALS[2:4], content(TRIALS[2:4]))
    read, refusals = Path.read_bytes, [errno.EIO]

    def refuse(path: Path) -> bytes:
        if refusals:
            raise OSError(refusals.pop(), "refused", str(path))
        return read(path)

    def others(text: str) -> None:
        if "cannot be read" not in text:
            return

        def write() -> None:
            found.release([2, 3])
            found.write(TRIALS[:2], newer)

        # The search waits now; the ledger's thread does not.
        ledger = threading.Thread(target=write, daemon=True)
        ledger.start()
        ledger.join(20)
        assert not ledger.is_alive()

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with patient(Patience(tmp_path, others, lambda: False, again=0)):
        # The file that was asked for has given way to a newer one.
        assert found.content(TRIALS[:2]) == newer
    assert files(tmp_path) == ["checkpoints/trials/000003.safetensors"]


def test_a_file_that_is_gone_means_a_start_from_the_beginning(tmp_path: Path) -> None:
    found, _ = opened(tmp_path)
    found.write(TRIALS[:2], content(TRIALS[:2]))
    clear_checkpoints(tmp_path)
    assert found.content(TRIALS[:2]) is None
    found.release([0, 1])
