"""Machines that are near, and a search that one of them lost."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import inline_pool
import pytest
from in_process_pool import InProcess
from inline_pool import Killed, tables
from remote_searches import PARAMETERS, ignored, start

from fcsearch.results import remote
from fcsearch.results.remote import lease, marker, mirror
from fcsearch.results.remote.mirror import Mirror


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
        start(tmp_path, url, InProcess(before))
    there = Path(url.removeprefix("file://"))
    writer = (there / lease.FILE).read_bytes()
    shutil.rmtree(there)
    shutil.copytree(tmp_path / "early", there)
    (there / lease.FILE).write_bytes(writer.replace(b'"ended":true', b'"ended":false'))
    copied = marker.read_marker(path)
    assert copied is not None
    return Mirror(path, copied, ignored, ignored)
