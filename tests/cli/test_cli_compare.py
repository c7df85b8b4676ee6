"""`fcsearch compare`."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from synthetic_run import add_trials, change_dataset, manifest

from fcsearch.cli.compare import compare
from fcsearch.results import RunDirectory


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, count in (("one", 16), ("two", 8)):
        add_trials(RunDirectory.create(tmp_path / "runs" / name, manifest(name)), range(count))
    return tmp_path / "runs"


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(compare, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


@pytest.mark.usefixtures("root")
def test_says_who_leads_and_what_differs() -> None:
    output = shown("one", "two")
    assert "2 runs, by validation accuracy" in output
    assert "the same rows, split alike (digits)" in output
    assert "After 8 trials each" in output
    assert "After 18.0 s each" in output
    assert re.search(r"runs/two .* tie *$", output, re.MULTILINE)
    assert "Not confirmed over seeds: fcsearch confirm runs/two" in output
    assert max(map(len, output.splitlines())) <= 100


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.usefixtures("root")
def test_a_narrow_terminal_breaks_no_word(
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
) -> None:
    whole = set(shown("one", "two").split())
    monkeypatch.setenv("COLUMNS", str(columns))
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    compare.callback(("one", "two"), Path("runs"), "text", None)
    output = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())
    assert max(map(len, output.splitlines())) <= columns
    assert {word for word in output.split() if "\u2500" not in word} <= whole


def test_runs_on_other_rows_are_not_compared(root: Path) -> None:
    change_dataset(RunDirectory.open(root / "two"), fingerprint="0" * 16)
    output = shown("one", "two")
    assert "These runs cannot be compared" in output
    assert "behind" not in output


@pytest.mark.usefixtures("root")
def test_json_has_all_of_it() -> None:
    found = json.loads(shown("one", "two", "--format", "json"))
    assert found["runs"] == ["runs/one", "runs/two"]
    assert found["comparable"] is True
    assert [section["basis"] for section in found["sections"]] == ["trials", "time"]
    assert {check["subject"] for check in found["checks"]} == {"data", "objective", "space", "seed", "machine"}


@pytest.mark.usefixtures("root")
def test_a_page_is_written_beside_the_text(tmp_path: Path) -> None:
    assert "2 runs, by validation accuracy" in shown("one", "two", "--html", "both.html")
    assert "<h1>one, two</h1>" in (tmp_path / "both.html").read_text()


@pytest.mark.usefixtures("root")
def test_a_page_that_cannot_be_written_is_no_traceback(refused: Callable[..., str]) -> None:
    error = refused("compare", "one", "two", "--html", "none/both.html")
    assert "--html must be a file that can be written; found none/both.html" in error


@pytest.mark.usefixtures("root")
def test_one_run_is_refused(refused: Callable[..., str]) -> None:
    assert "at least two runs" in refused("compare", "one")
