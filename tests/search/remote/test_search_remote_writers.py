"""Several machines at one run at a URL: it has one writer, and readers see what that one wrote."""

import re
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import inline_pool
import pytest
from in_process_pool import InProcess
from inline_pool import tables
from remote_searches import ignored, start, take_and_end

from fcsearch.errors import RunError, SearchError
from fcsearch.results import Labels, RunDirectory, read_labels, remote, resolve_run, write_labels
from fcsearch.results.remote import lease
from fcsearch.results.remote.folder import RemoteFolder


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
        return found.model_copy(update={"at": datetime.now(UTC) + timedelta(seconds=next(beats)), "ended": False})

    monkeypatch.setattr(lease, "read_lease", beating)
    with pytest.raises(RunError, match=r"found one of file://.* on .*process \d+"):
        remote.take(path, ignored)
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


@pytest.mark.usefixtures("sender")
@pytest.mark.parametrize("claim", [None, b"", b'{"writer": "0f'], ids=["gone", "empty", "half"])
def test_what_was_never_sent_stays_where_nobody_is_known_to_write_the_run(url: str, claim: bytes | None) -> None:
    path, written = remote.local_copy(url), Path(url.removeprefix("file://")) / lease.FILE
    before = tables(RunDirectory.open(path))
    written.unlink() if claim is None else written.write_bytes(claim)
    assert resolve_run(url) == path
    assert tables(RunDirectory.open(path)) == before
    assert len(before[0]) == 6


@pytest.mark.usefixtures("sender")
def test_a_run_that_was_removed_at_its_url_is_not_shown_from_its_copy(url: str) -> None:
    shutil.rmtree(url.removeprefix("file://"))
    with pytest.raises(RunError, match=r"found no run\.json there"):
        resolve_run(url)


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
        start(tmp_path, url, InProcess(before))
    found = lease.read_lease(RemoteFolder(url))
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
