"""A file appears whole, or stays as it was."""

from pathlib import Path

import pytest

from fcsearch.whole_file import whole_file


@pytest.mark.parametrize("aside", [None, "aside"])
def test_the_old_content_is_read_until_the_new_is_whole(tmp_path: Path, aside: str | None) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with whole_file(path, aside=None if aside is None else tmp_path / aside) as stream:
        stream.write(b"new")
        stream.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def write_half(path: Path, aside: Path | None) -> None:
    with whole_file(path, aside=aside) as stream:
        stream.write(b"half")
        raise KeyboardInterrupt


@pytest.mark.parametrize("aside", [None, "aside"])
def test_an_error_in_between_leaves_the_old_content_and_nothing_else(tmp_path: Path, aside: str | None) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_half(path, None if aside is None else tmp_path / aside)
    assert path.read_text() == "old"
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == [path]
