import hashlib
import re
from pathlib import Path

import pytest

from fcsearch.data.sources.download import FILES, RemoteFile, cache_folder, fetch, user_folder
from fcsearch.errors import DataError

CONTENT = bytes(range(256)) * 9000
SHA = hashlib.sha256(CONTENT).hexdigest()
NAME = "file.gz"


@pytest.fixture
def serve(web, monkeypatch):
    """Serves content under `NAME` as the one file of the dataset `toy`; more mirrors may stand before it."""
    address, folder = web

    def publish(content: bytes = CONTENT, *, first: tuple[str, ...] = ()) -> Path:
        (folder / NAME).write_bytes(content)
        remote = RemoteFile((*first, address + NAME), SHA)
        monkeypatch.setitem(FILES, "toy", {NAME: remote})
        return folder / NAME

    return publish


def get(data_dir: Path | None = None) -> Path:
    return fetch("toy", NAME, data_dir=None if data_dir is None else str(data_dir))


def refused(data_dir: Path | None = None) -> str:
    with pytest.raises(DataError) as caught:
        get(data_dir)
    return str(caught.value)


def cached_files() -> list[str]:
    return [path.name for path in cache_folder().rglob("*") if path.is_file()]


def test_a_download_is_kept_and_not_repeated(serve) -> None:
    served = serve()
    path = get()
    assert path == cache_folder() / "toy" / NAME
    assert path.read_bytes() == CONTENT
    served.unlink()
    assert get() == path
    assert cached_files() == [NAME]


def test_a_cached_file_that_was_cut_is_downloaded_again(serve) -> None:
    serve()
    get().write_bytes(b"cut")
    assert get().read_bytes() == CONTENT


@pytest.mark.parametrize("content", [b"x" + CONTENT[1:], CONTENT[:-1], CONTENT + b"x", b""])
def test_a_wrong_download_is_refused_and_leaves_nothing(serve, content: bytes) -> None:
    serve(content)
    message = refused()
    assert "does not match the known hash" in message
    assert SHA in message
    assert hashlib.sha256(content).hexdigest() in message
    assert "toy must be downloaded once, and that failed" in message
    assert cached_files() == []


def test_the_next_mirror_is_tried(serve, web) -> None:
    serve(first=("http://127.0.0.1:9/", web[0] + "missing.gz"))
    assert get().read_bytes() == CONTENT


def test_without_a_network_the_message_says_which_file_goes_where(serve) -> None:
    serve().unlink()
    message = refused()
    assert "HTTP Error 404" in message or "File not found" in message
    assert str(cache_folder() / "toy" / NAME) in message
    assert "--data-dir or FCSEARCH_DATA" in message
    assert NAME in message.split("Download ")[1]
    assert cached_files() == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:9/file.gz", r"\[Errno \d+\] Connection refused"),
        ("http://no-such-host.invalid/file.gz", r"\[Errno -\d+\]"),
    ],
)
def test_an_address_out_of_reach(monkeypatch, url: str, reason: str) -> None:
    monkeypatch.setitem(FILES, "toy", {NAME: RemoteFile((url,), SHA)})
    assert re.search(rf"failed \({re.escape(url)}: {reason}", refused())


def test_a_cache_that_cannot_be_written(serve, tmp_path, monkeypatch) -> None:
    serve()
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "toy must be downloaded once, and that failed" in refused()


@pytest.mark.parametrize("place", ["", "toy"])
def test_the_users_folder_comes_first(serve, tmp_path, monkeypatch, place: str) -> None:
    serve().unlink()
    mine = tmp_path / "mine" / place / NAME
    mine.parent.mkdir(parents=True)
    mine.write_bytes(CONTENT)
    assert get(tmp_path / "mine") == mine
    monkeypatch.setenv("FCSEARCH_DATA", str(tmp_path / "mine"))
    assert get() == mine
    assert cached_files() == []


def test_a_wrong_file_in_the_users_folder_is_refused(serve, tmp_path) -> None:
    serve()
    (tmp_path / NAME).write_bytes(b"other")
    message = refused(tmp_path)
    assert f"must have the sha256 {SHA}; {tmp_path / NAME} has {hashlib.sha256(b'other').hexdigest()}" in message
    assert f"subfolders such as {tmp_path / 'toy'}" in message


def test_what_the_users_folder_lacks_is_downloaded_into_the_cache(serve, tmp_path) -> None:
    serve()
    (tmp_path / "mine").mkdir()
    assert get(tmp_path / "mine") == cache_folder() / "toy" / NAME
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_users_folder_must_be_there(tmp_path, monkeypatch) -> None:
    with pytest.raises(DataError, match="dataset option data_dir must name a folder"):
        user_folder(str(tmp_path / "none"))
    monkeypatch.setenv("FCSEARCH_DATA", str(tmp_path / "none"))
    with pytest.raises(DataError, match="FCSEARCH_DATA must name a folder"):
        user_folder(None)
