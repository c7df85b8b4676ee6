"""Paths that cannot be looked up."""

from collections.abc import Callable
from pathlib import Path

import pytest

LONG = "a" * 300  # longer than a file system's names may be


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "dropout", "--out", LONG),
        ("run", "dropout", "--out", f"{LONG}/b", "--dry-run"),
        ("evaluate", LONG),
        ("predict", LONG),
        ("runs", "--dir", LONG),
        ("report", LONG),
        ("resume", LONG),
        ("watch", LONG),
        ("init", f"{LONG}.csv", "--label", "a"),
        ("train", "--run", LONG),
        ("train", "--save", f"{LONG}/a.safetensors"),
        ("compare", LONG, LONG),
    ],
    ids=lambda words: words[0],
)
def test_a_name_that_is_too_long_is_refused_in_words(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = " ".join(refused(*arguments).split())
    assert "must be a path that can be looked up; found: File name too long" in said
    assert LONG in said
