"""Where a local Ray keeps its sockets: a folder with a short path, removed at the end."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fcsearch.errors import UsageError
from fcsearch.search.ray_pool import session_folder as module
from fcsearch.search.ray_pool.session_folder import ray_folder

# As Ray names them, with a process number of seven digits.
SOCKET = "session_2026-11-25_20-09-07_278779_1234567/sockets/plasma_store"


@pytest.fixture
def short() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="a ", dir="/tmp") as folder:
        yield Path(folder)


def temporary(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_it_lies_where_ray_tmpdir_says_and_is_removed(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(short))
    with ray_folder() as folder:
        assert folder.parent == short
        (folder / "session" / "logs").mkdir(parents=True)
    assert list(short.iterdir()) == []


def test_else_it_lies_in_the_temporary_folder(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_TMPDIR")
    temporary(monkeypatch, short)
    with ray_folder() as folder:
        assert folder.parent == short


def test_a_socket_fits_where_the_temporary_folder_has_a_long_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 180)
    long.mkdir()
    monkeypatch.delenv("RAY_TMPDIR")
    temporary(monkeypatch, long)
    with ray_folder() as folder, socket.socket(socket.AF_UNIX) as made:
        assert folder.parent == Path("/tmp")
        place = folder / SOCKET
        place.parent.mkdir(parents=True)
        made.bind(os.fspath(place))
    assert not folder.exists()


def test_what_a_killed_search_has_left_is_removed_and_nothing_else(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(short))
    (short / "fcsearch-of-others").mkdir()
    code = (
        "import os; from fcsearch.search.ray_pool.session_folder import ray_folder\n"
        "with ray_folder() as folder: (folder / 'logs').mkdir(); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert len(list(short.iterdir())) == 2
    with ray_folder() as first, ray_folder() as second:
        assert {path.name for path in short.iterdir()} == {first.name, second.name, "fcsearch-of-others"}
    assert [path.name for path in short.iterdir()] == ["fcsearch-of-others"]


def test_what_a_search_has_left_that_was_killed_as_it_removed_its_folder_is_removed(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(short))
    code = (
        "import os, shutil; from fcsearch.search.ray_pool.session_folder import ray_folder\n"
        "shutil.rmtree = lambda path, **_: ((path / 'search.lock').unlink(), os.kill(os.getpid(), 9))\n"
        "with ray_folder() as folder: (folder / 'forks').touch()"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    [left] = short.iterdir()
    assert [path.name for path in left.iterdir()] == ["forks"]
    with ray_folder() as folder:
        assert list(short.iterdir()) == [folder]


def test_the_folder_of_a_ray_that_others_started_stays(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(short))
    (short / "fcsearch-cluster" / "session_2026-11-27" / "sockets").mkdir(parents=True)
    with ray_folder() as folder:
        assert folder.exists()
    assert [path.name for path in short.iterdir()] == ["fcsearch-cluster"]


def test_without_any_such_folder_the_error_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> str:
        raise OSError("No space left on device")

    monkeypatch.setattr(module.tempfile, "mkdtemp", full)
    with (
        pytest.raises(UsageError, match=r"at most \d+ bytes; found No space left on device; set RAY_TMPDIR"),
        ray_folder(),
    ):
        pass
