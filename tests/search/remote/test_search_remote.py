"""Searches whose run is kept at a URL: whoever dies, and wherever one continues, the tables are the same."""

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from inline_pool import Killed, killed_at, tables
from remote_searches import ignored, resume, start

from fcsearch.errors import RunError, SearchError
from fcsearch.results import RunDirectory, remote, resolve_run
from fcsearch.results.remote import lease, marker, mirror
from fcsearch.results.remote.folder import RemoteFolder
from fcsearch.results.remote.mirror import Mirror


def test_all_of_a_run_is_at_its_url_in_the_end(
    tmp_path: Path, url: str, whole: Any, machine: Callable[[str], None]
) -> None:
    run = start(tmp_path, url)
    there = RemoteFolder(url).files().keys() - {lease.FILE}
    here = {path.relative_to(run.path).as_posix() for path in run.path.rglob("*") if path.is_file()}
    assert there == {name for name in here if not name.startswith(".")}
    assert {"run.json", "report.html", "report.json", "study.journal", "log.txt", "models.parquet"} < there
    machine("second")
    copy = RunDirectory.open(resolve_run(url))
    assert copy.path != run.path
    assert copy.state() == "complete"
    assert tables(copy) == tables(run) == whole


@pytest.mark.parametrize("pack", [0, 2])
def test_a_machine_that_is_lost_is_gone_on_from_on_another(
    pack: int, tmp_path: Path, url: str, whole: Any, machine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Killed: nothing is sent at the end, and nobody says that it was the end.
    def killed(sender: Mirror, *, patience: float) -> None:  # noqa: ARG001
        sender._ending.set()
        sender._thread.join()

    with monkeypatch.context() as patched:
        patched.setattr(Mirror, "close", killed)
        with pytest.raises(Killed):
            start(tmp_path, url, killed_at(pack))
    machine("second")
    assert tables(resume(url)) == whole
    machine("third")
    assert tables(RunDirectory.open(resolve_run(url))) == whole


def test_a_machine_may_be_lost_between_any_two_files(
    sender: Mirror,
    tmp_path: Path,
    url: str,
    whole: Any,
    machine: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there, kept = Path(url.removeprefix("file://")), tmp_path / "kept"
    states = 0

    def keep(name: str) -> None:
        nonlocal states
        if name.endswith(".parquet") or name in ("study.journal", "run.json"):
            shutil.copytree(there, kept / str(states))
            states += 1

    def upload(folder: RemoteFolder, path: Path, name: str) -> None:
        uploaded(folder, path, name)
        keep(name)

    def write(folder: RemoteFolder, name: str, content: bytes) -> None:
        written(folder, name, content)
        keep(name)

    uploaded, written = RemoteFolder.upload, RemoteFolder.write
    with monkeypatch.context() as patched:
        patched.setattr(RemoteFolder, "upload", upload)
        patched.setattr(RemoteFolder, "write", write)
        sender._round()
    assert states > 6
    for state in range(states):
        shutil.rmtree(there)
        shutil.copytree(kept / str(state), there)
        machine(f"machine-{state}")
        notices: list[str] = []
        found = RunDirectory.open(resolve_run(url))
        remote.take(found.path, notices.append)
        with found.writing():
            assert found.set_damaged_aside() == []
        assert tables(resume(url)) == whole


def test_rows_that_are_replaced_while_their_epochs_travel_wait_for_the_next_round(
    sender: Mirror, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, local = Path(url.removeprefix("file://")) / "trials", remote.local_copy(url) / "trials"
    newest = max(local.glob("*.parquet"))
    content = newest.read_bytes()

    def upload(folder: RemoteFolder, path: Path, name: str) -> None:
        newest.write_bytes(content + b"rows that came since")
        uploaded(folder, path, name)

    uploaded = RemoteFolder.upload
    with monkeypatch.context() as patched:
        patched.setattr(RemoteFolder, "upload", upload)
        sender._round()
    assert not (there / newest.name).exists()
    sender._round()
    assert (there / newest.name).read_bytes() == newest.read_bytes()


@pytest.mark.parametrize("after", range(6))
def test_what_is_sent_while_a_reader_fetches_gives_it_no_row_without_its_epochs(
    after: int, sender: Mirror, url: str, machine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    local = remote.local_copy(url)
    both = {}
    for table in ("epochs", "trials"):
        old, new = (local / table / f"pack-00000{pack}.parquet" for pack in (0, 1))
        both[old] = pa.concat_tables([pq.read_table(old), pq.read_table(new)])
        new.unlink()
    sender._round()
    asked: list[str] = []

    def download(folder: RemoteFolder, name: str, path: Path) -> bool:
        if len(asked) == after:
            # As later packs do, the second joins the parts of the first.
            for part, table in both.items():
                pq.write_table(table, part)
            sender._round()
        asked.append(name)
        return downloaded(folder, name, path)

    downloaded = RemoteFolder.download
    monkeypatch.setattr(RemoteFolder, "download", download)
    machine("second")
    run = RunDirectory.open(resolve_run(url))
    assert len(asked) > after
    trials = run.trials()
    assert set(trials["trial_id"].to_pylist()) <= set(run.epochs()["trial_id"].to_pylist())
    assert len(trials) in (3, 6)


@pytest.mark.usefixtures("sender")
def test_a_search_that_goes_on_after_a_kill_sends_only_what_has_changed(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = remote.local_copy(url)
    changed, later = path / "log.txt", path / "run.json"
    # The clock of the file system may be years behind.
    for file in (file for file in path.rglob("*") if file.is_file()):
        os.utime(file, (1e9, 1e9))
    (path / "status.json").write_text("{}")
    copied = marker.read_marker(path)
    assert copied is not None
    Mirror(path, copied, ignored, ignored, note_every=-1.0)._round()
    changed.write_bytes(bytes(reversed(changed.read_bytes())))
    os.utime(changed, (1e9 + 1, 1e9 + 1))
    later.write_bytes(later.read_bytes() + b" ")
    (path / "status.json").unlink()
    noted = marker.read_marker(path)
    assert noted is not None
    again = Mirror(path, noted, ignored, ignored)
    monkeypatch.setattr(again._thread, "start", lambda: None)
    again.start()
    sent: list[str] = []
    monkeypatch.setattr(RemoteFolder, "upload", lambda *found: sent.append(found[2]))
    again._round()
    assert set(sent) == {"log.txt", "run.json"}
    assert "status.json" not in RemoteFolder(url).files()


def test_what_the_url_has_need_not_be_noted(
    sender: Mirror, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk keeps nothing from its URL."""
    tried: list[object] = []

    def full(*found: object) -> None:
        tried.append(found)
        raise RunError("No space left on device")

    monkeypatch.setattr(mirror, "write_marker", full)
    sender._noted_at -= sender._note_every + 1
    for name in ("log.txt", "more.txt"):
        (remote.local_copy(url) / name).write_text("more")
        assert sender._try(sender._round)
    assert len(tried) == 1
    assert "what the URL has is not noted: No space left on device" in caplog.text
    assert sender._missing() == []


def test_a_folder_that_goes_while_files_are_looked_for_is_no_error(
    sender: Mirror, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = remote.local_copy(url)
    (path / "checkpoints").mkdir(exist_ok=True)
    scandir = os.scandir

    def gone(folder: Any) -> Any:
        if str(folder) == str(path / "checkpoints"):
            shutil.rmtree(path / "checkpoints", ignore_errors=True)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", gone)
    sender._round()
    there = RemoteFolder(url).files().keys() - {lease.FILE}
    assert "run.json" in there
    assert not (path / "checkpoints").exists()
    # The run itself: nothing at the URL is removed for that.
    path.rename(tmp_path / "elsewhere")
    sender._thread.start()
    with pytest.raises(SearchError, match=r"must be readable; found: .*No such file"):
        sender.close(patience=0.0)
    assert RemoteFolder(url).files().keys() - {lease.FILE} == there


@pytest.mark.usefixtures("sender")
def test_what_fails_unforeseen_is_tried_again(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures: list[Exception] = [ValueError("unforeseen"), PermissionError(13, "Permission denied")]
    again = threading.Event()

    def local_files(run: Path) -> Any:
        if failures:
            raise failures.pop()
        again.set()
        return listed(run)

    listed = mirror.local_files
    monkeypatch.setattr(mirror, "local_files", local_files)
    copied = marker.read_marker(remote.local_copy(url))
    assert copied is not None
    quick = Mirror(remote.local_copy(url), copied, ignored, ignored, every=0.01)
    quick.start()
    assert again.wait(60)
    quick.close(patience=0.0)
    assert "must be readable; found: [Errno 13] Permission denied" in caplog.text
    assert listed(remote.local_copy(url)).keys() <= RemoteFolder(url).files().keys()


def test_what_cannot_be_sent_does_not_end_the_search_and_is_said(
    tmp_path: Path, url: str, whole: Any, machine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(folder: RemoteFolder, name: str, content: bytes) -> None:
        if name.startswith("trials/"):
            raise RunError("the network is gone")
        written(folder, name, content)

    written = RemoteFolder.write
    monkeypatch.setattr(RemoteFolder, "write", write)
    with pytest.raises(
        SearchError,
        match=r"must hold all of the run; found missing or out of date: run.json, .* more: the network is gone",
    ):
        start(tmp_path, url)
    path = remote.local_copy(url)
    assert tables(RunDirectory.open(path)) == whole
    assert (path / "report.html").exists()
    monkeypatch.setattr(RemoteFolder, "write", written)
    resume(url)
    machine("second")
    assert tables(RunDirectory.open(resolve_run(url))) == whole


def test_nothing_is_left_of_a_search_that_could_not_begin(tmp_path: Path, url: str) -> None:
    def broken(plan: Any, dataset: Any) -> Any:  # noqa: ARG001
        raise RunError("no such cluster")

    with pytest.raises(RunError, match="no such cluster"):
        start(tmp_path, url, broken)
    assert RemoteFolder(url).files() == {}
    assert not remote.local_copy(url).exists()
