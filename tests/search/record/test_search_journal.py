from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from fcsearch.errors import RunError
from fcsearch.results.patience import Patience, patient
from fcsearch.search.record.journal import JournalFile, open_storage


def make_study(path: Path) -> tuple[JournalFile, optuna.Study]:
    journal = JournalFile(path)
    return journal, optuna.create_study(storage=JournalStorage(journal), study_name="s", load_if_exists=True)


def as_others_see_it(path: Path) -> list[tuple[dict[str, Any], str]]:
    study = optuna.load_study(study_name="s", storage=JournalStorage(JournalFileBackend(str(path))))
    return [(trial.params, trial.state.name) for trial in study.get_trials()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "study.journal"


def test_a_batch_is_written_at_its_end_and_optuna_reads_it(path: Path) -> None:
    journal, study = make_study(path)
    for batch in range(3):
        size = path.stat().st_size
        with journal.batch():
            for _ in range(2):
                trial = study.ask()
                trial.suggest_float("x", 0, 1)
            assert path.stat().st_size == size
            assert len(study.get_trials()) == 2 * batch + 2
        assert len(as_others_see_it(path)) == 2 * batch + 2
    assert as_others_see_it(path) == [(trial.params, "RUNNING") for trial in study.get_trials()]


def test_a_batch_is_one_write_to_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, study = make_study(path)
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(descriptor))
    with journal.batch():
        trial = study.ask()
        for step in range(20):
            trial.report(0.5, step)
        study.tell(trial, 0.5)
    assert len(synced) == 1


def test_the_name_of_a_new_journal_is_on_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda number: flushed.append(os.fstat(number).st_ino))
    for expected in ([path.parent.stat().st_ino], []):
        JournalFile(path)
        assert flushed == expected
        flushed.clear()


def test_a_batch_reads_the_file_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, study = make_study(path)
    read: list[int] = []
    real = JournalFileBackend.read_logs
    monkeypatch.setattr(
        JournalFileBackend, "read_logs", lambda backend, first: read.append(first) or real(backend, first)
    )
    with journal.batch():
        for _ in range(3):
            study.ask().suggest_float("x", 0, 1)
    assert len(read) == 1


def test_a_batch_that_breaks_leaves_nothing(path: Path) -> None:
    journal, study = make_study(path)
    with pytest.raises(ValueError, match="low"), journal.batch():
        study.ask().suggest_float("x", 1, 0)
    assert as_others_see_it(path) == []
    # The lock is free again.
    make_study(path)[1].ask()
    assert len(as_others_see_it(path)) == 1


def test_notes_of_other_programs_between_batches_are_read(path: Path) -> None:
    journal, study = make_study(path)
    with journal.batch():
        study.ask()
    other = optuna.load_study(study_name="s", storage=JournalStorage(JournalFileBackend(str(path))))
    other.set_user_attr("note", "seen")
    other.enqueue_trial({"x": 0.25})
    with journal.batch():
        trial = study.ask()
        assert trial.suggest_float("x", 0, 1) == 0.25
    assert study.user_attrs == {"note": "seen"}
    assert [state for _, state in as_others_see_it(path)] == ["RUNNING", "RUNNING"]


def test_others_wait_for_a_batch(path: Path) -> None:
    journal, study = make_study(path)
    code = (
        "import optuna, sys; from optuna.storages.journal import JournalFileBackend as B\n"
        "s = optuna.load_study(study_name='s', storage=optuna.storages.JournalStorage(B(sys.argv[1])))\n"
        "print('ready', flush=True); s.set_user_attr('note', 1)"
    )
    with journal.batch():
        study.ask()
        other = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        assert other.stdout is not None
        assert other.stdout.readline() == b"ready\n"
        time.sleep(0.2)
        assert other.poll() is None
    assert other.wait(timeout=30) == 0
    other.stdout.close()
    assert study.user_attrs == {"note": 1}
    assert len(study.get_trials()) == 1


def test_a_torn_last_line_is_removed(path: Path) -> None:
    _, study = make_study(path)
    study.ask()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code": 4, "work')
    _, again = make_study(path)
    again.ask()
    assert path.read_bytes().startswith(whole)
    assert len(as_others_see_it(path)) == 2


@pytest.mark.parametrize("tail", [b"\0" * 100, b"\0" * 100 + b"\n", b"\n\n", b'{"op_code": 4\n{"op'])
def test_what_a_file_system_makes_of_lines_that_it_lost_is_removed(tail: bytes, path: Path) -> None:
    _, study = make_study(path)
    study.ask()
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    JournalFile(path)
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "line", [b"garbage", b"", b"\0\0", b'{"op_code": 99}', b"[1]", b'{"op_code": 4, "worker_id": 1}']
)
def test_a_damaged_line_between_whole_ones_is_named(line: bytes, path: Path) -> None:
    _, study = make_study(path)
    study.ask()
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0], line, *lines[1:]]) + b"\n")
    with pytest.raises(RunError, match=re.escape(str(path))):
        open_storage(JournalFile(path))


def full_disk(path: Path, monkeypatch: pytest.MonkeyPatch, *, times: int) -> None:
    """Let the next writes end in half a line."""
    sync, refusals = os.fsync, iter(range(times))

    def refuse(descriptor: int) -> None:
        if next(refusals, None) is None:
            return sync(descriptor)
        os.ftruncate(descriptor, path.stat().st_size - 5)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)


def waiting(path: Path) -> AbstractContextManager[None]:
    """Wait for storage as a search does."""
    return patient(Patience(path.parent, lambda _: None, lambda: False, again=0))


def test_a_write_that_fails_half_way_leaves_the_journal_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, study = make_study(path)
    study.ask()
    whole = path.read_bytes()
    full_disk(path, monkeypatch, times=1)
    with pytest.raises(RunError, match="No space left"):
        study.ask()
    assert path.read_bytes() == whole


def test_half_a_line_that_could_not_be_removed_at_once_is_removed_before_the_next_attempt(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, study = make_study(path)
    real, refused = os.truncate, list[int]()

    def refuse_once(file: Path, length: int) -> None:
        if not refused:
            refused.append(length)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(file, length)

    monkeypatch.setattr(os, "truncate", refuse_once)
    full_disk(path, monkeypatch, times=1)
    with waiting(path), journal.batch():
        for _ in range(2):
            study.ask()
    assert refused
    assert len(as_others_see_it(path)) == 2
    assert len(make_study(path)[1].get_trials()) == 2


def test_the_lock_is_renewed_while_a_batch_waits_for_storage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other programs take a lock for a dead one's where what it points to has not changed for 30 s."""
    journal, study = make_study(path)
    renewed: list[Path] = []

    def renew(file: Path) -> None:
        assert Path(f"{path}.lock").resolve() == path.resolve()
        renewed.append(file)

    monkeypatch.setattr(os, "utime", renew)
    full_disk(path, monkeypatch, times=3)
    with waiting(path), journal.batch():
        study.ask()
    assert renewed == [path] * 4
    assert len(as_others_see_it(path)) == 1


def test_half_a_line_of_another_program_is_removed_before_a_batch(path: Path) -> None:
    journal, study = make_study(path)
    with journal.batch():
        study.ask()
        with path.open("ab") as file:
            file.write(b'{"op_code": 4, "work')
        study.ask()
    study.set_user_attr("note", "seen")
    assert len(as_others_see_it(path)) == 2


def test_a_program_that_took_the_lock_keeps_its_note_and_the_batch_is_refused(path: Path) -> None:
    """The logs of a batch have the numbers by which this process knows them: no other may come before them."""
    journal, study = make_study(path)
    other = optuna.load_study(study_name="s", storage=JournalStorage(JournalFileBackend(str(path))))

    def meet() -> None:
        with journal.batch():
            study.ask()
            Path(f"{path}.lock").unlink()
            other.set_user_attr("note", "seen")

    with pytest.raises(RunError, match=r"other programs must wait for .*study\.journal\.lock"):
        meet()
    assert as_others_see_it(path) == []
    assert make_study(path)[1].user_attrs == {"note": "seen"}


def test_a_lock_that_cannot_be_made_or_removed_is_no_traceback(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, study = make_study(path)

    def read_only(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as context:
        context.setattr(os, "symlink", read_only)
        with pytest.raises(RunError, match="Read-only"):
            study.ask()
    with monkeypatch.context() as context, journal.batch():
        study.ask()
        context.setattr(os, "rename", read_only)


def test_the_lock_of_a_writer_that_was_killed_is_removed(path: Path) -> None:
    make_study(path)
    Path(f"{path}.lock").symlink_to(path)
    began = time.monotonic()
    make_study(path)[1].ask()
    assert time.monotonic() - began < 5


def test_a_relative_path_is_locked_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    journal, study = make_study(Path(path.name))
    with journal.batch():
        study.ask()
        assert Path(f"{path}.lock").resolve() == path


def test_the_places_of_logs_are_not_kept(path: Path) -> None:
    """Optuna's own backend keeps one for each, a dozen a trial; what is asked for again is read again."""
    journal, study = make_study(path)
    for _ in range(3):
        study.ask().suggest_float("x", 0, 1)
    assert len(journal._log_number_offset) == 1
    logs = list(journal.read_logs(0))
    assert list(JournalFileBackend(str(path)).read_logs(0)) == logs
    assert list(journal.read_logs(2)) == logs[2:]
    assert list(journal.read_logs(len(logs))) == []
