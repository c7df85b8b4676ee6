"""Searches whose run is kept at a URL: whoever dies, and wherever one goes on, the tables are the same."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import inline_pool
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from inline_pool import Killed, inline, killed_at, tables
from search_helpers import make_space

from fcsearch.errors import RunError, SearchError
from fcsearch.results import Labels, RunDirectory, read_labels, remote, resolve_run, write_labels
from fcsearch.results.remote import lease, marker, mirror
from fcsearch.results.remote.folder import RemoteFolder
from fcsearch.results.remote.mirror import Mirror
from fcsearch.search.api import start_search
from fcsearch.search.options import SearchOptions

PARAMETERS: dict[str, Any] = {
    "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
    "epochs": 3,
    "hidden_dim": {"choices": [8, 12]},
}


def _ignored(*_: object) -> None:
    """Says nothing."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Storage is near, and so are its clocks."""
    monkeypatch.setattr(lease, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(mirror, "END_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Goes to another machine: one with another folder for local copies."""

    def go_to(name: str) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))

    go_to("first")
    return go_to


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"file://{tmp_path}/bucket/runs/run"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tables of a search that nobody disturbed."""
    return tables(inline_pool.start(tmp_path_factory.mktemp("whole"), parameters=PARAMETERS).run)


def start(folder: Path, url: str, open_pool: Any = None) -> RunDirectory:
    """The same search, kept at a URL."""
    space = make_space(folder, dataset={"source": "digits", "num_train": 200}, trials=12, parameters=PARAMETERS)
    options = SearchOptions(seed=3, workers=1, pack_size=3, confirm=0, ensemble=0)
    path = remote.local_copy(url)
    return start_search(
        space, options, path=path, url=url, command=["fcsearch", "run"], open_pool=open_pool or inline()
    ).run


def resume(url: str) -> RunDirectory:
    return inline_pool.resume(RunDirectory.open(resolve_run(url))).run


def take_and_end(url: str) -> None:
    """A search on this machine that takes the run, and changes nothing."""
    path = resolve_run(url)
    remote.take(path, _ignored)
    with remote.mirroring(path, _ignored, _ignored):
        pass


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


@pytest.fixture
def sender(tmp_path: Path, url: str) -> Mirror:
    """A search that died after two packs, of which the URL has seen the first, and the mirror that sends the rest."""
    seen: list[int] = []
    path = remote.local_copy(url)

    def before(task: Any) -> None:
        if len(seen) == 1:
            shutil.copytree(path, tmp_path / "early", ignore=shutil.ignore_patterns(".*", "*.lock"))
        if len(seen) == 2:
            raise Killed
        seen.append(task.pack_id)

    with pytest.raises(Killed):
        start(tmp_path, url, inline(before))
    there = Path(url.removeprefix("file://"))
    writer = (there / lease.FILE).read_bytes()
    shutil.rmtree(there)
    shutil.copytree(tmp_path / "early", there)
    (there / lease.FILE).write_bytes(writer.replace(b'"ended":true', b'"ended":false'))
    copied = marker.read_marker(path)
    assert copied is not None
    return Mirror(path, copied, _ignored, _ignored)


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


def test_what_fails_unforeseen_is_tried_again(
    sender: Mirror, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
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
    monkeypatch.setattr(mirror, "ROUND_SECONDS", 0.01)
    sender.start()
    assert again.wait(60)
    sender.close(patience=0.0)
    assert "must be readable; found: [Errno 13] Permission denied" in caplog.text
    assert listed(remote.local_copy(url)).keys() <= RemoteFolder(url).files().keys()


def test_a_run_has_one_writer(
    tmp_path: Path, url: str, machine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tmp_path, url)
    folder = RemoteFolder(url)
    machine("second")
    path = resolve_run(url)
    beats = iter(range(1, 100))
    read = lease.read_lease

    def beating(of: RemoteFolder) -> Any:
        found = read(of)
        assert found is not None
        return found.model_copy(update={"at": datetime.now(UTC) + timedelta(seconds=next(beats)), "ended": False})

    monkeypatch.setattr(lease, "read_lease", beating)
    with pytest.raises(RunError, match=r"found one of file://.* on .*process \d+"):
        remote.take(path, _ignored)
    monkeypatch.setattr(lease, "read_lease", read)
    # One that was not heard of for so long is dead.
    lease.write_lease(folder, "another")
    told: list[str] = []
    remote.take(path, told.append)
    assert "was last written on" in told[0]


def test_what_was_never_sent_goes_where_another_machine_has_taken_the_run(
    tmp_path: Path, url: str, machine: Callable[[str], None]
) -> None:
    path, there = start(tmp_path, url).path, Path(url.removeprefix("file://"))
    # A search went on here, and was killed before it sent these.
    changed = [path / "study.journal", min(path.glob("trials/pack-*.parquet"))]
    for file in changed:
        file.write_bytes(file.read_bytes() + b"of this machine alone")
    machine("second")
    take_and_end(url)
    machine("first")
    assert resolve_run(url) == path
    for file in changed:
        assert file.read_bytes() == (there / file.relative_to(path)).read_bytes()


@pytest.mark.parametrize("by_url", [True, False])
def test_the_machine_that_ran_a_search_sees_what_others_write_after_its_end(
    by_url: bool, tmp_path: Path, url: str, machine: Callable[[str], None]
) -> None:
    path = start(tmp_path, url).path
    machine("second")
    copy = resolve_run(url)
    with remote.sending(copy):
        write_labels(copy, Labels(note="of another machine"))
    machine("first")
    inline_pool.resume(RunDirectory.open(resolve_run(url) if by_url else path))
    assert read_labels(path).note == "of another machine"
    machine("third")
    assert read_labels(resolve_run(url)).note == "of another machine"


def test_two_readers_of_one_machine_fetch_one_after_the_other(
    tmp_path: Path, url: str, whole: Any, machine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tmp_path, url)
    machine("second")
    second = threading.Thread(target=resolve_run, args=(url,), name="second")
    in_between = threading.Event()
    asked: list[str] = []
    unfinished: list[Path] = []

    def download(folder: RemoteFolder, name: str, path: Path) -> bool:
        asked.append(threading.current_thread().name)
        unfinished.append(path)
        if len(asked) == 1:
            second.start()
            in_between.wait(0.3)
        elif asked[-1] == "second":
            in_between.set()
        return downloaded(folder, name, path)

    downloaded = RemoteFolder.download
    monkeypatch.setattr(RemoteFolder, "download", download)
    copy = resolve_run(url)
    first = len(set(unfinished))
    second.join()
    assert asked == sorted(asked)
    assert first == asked.count(threading.current_thread().name)
    assert tables(RunDirectory.open(copy)) == whole


def test_a_search_whose_run_was_taken_says_so_and_sends_nothing_and_keeps_what_it_trained(
    tmp_path: Path, url: str, whole: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def before(task: Any) -> None:
        if task.pack_id == 2:
            lease.write_lease(RemoteFolder(url), "another")

    said = r"a run must have one writer; found that .* has taken file://.* is now in (.*), a run of this machine alone"
    with pytest.raises(SearchError, match=said) as ended:
        start(tmp_path, url, inline(before))
    found = lease.read_lease(RemoteFolder(url))
    assert found is not None
    assert found.writer == "another"
    assert "report.html" not in RemoteFolder(url).files()
    assert "tries again" not in caplog.text
    for name in ("run.json", "study.journal"):
        RemoteFolder(url).write(name, b"of another")
    assert (resolve_run(url) / "study.journal").read_bytes() == b"of another"
    matched = re.search(said, str(ended.value))
    assert matched
    kept = RunDirectory.open(Path(matched[1]))
    assert remote.address(kept.path) == str(kept.path)
    assert tables(inline_pool.resume(kept).run) == whole


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
