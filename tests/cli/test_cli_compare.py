"""`fcsearch compare`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Terminal, json_of, output_of
from synthetic_run import add_trials, change_dataset, manifest, trial_row

from fcsearch.cli.compare import compare
from fcsearch.results import RunDirectory


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, count in (("one", 16), ("two", 8)):
        add_trials(RunDirectory.create(tmp_path / "runs" / name, manifest(name)), range(count))
    return tmp_path / "runs"


def compared(*arguments: str) -> str:
    return output_of("compare", *arguments)


@pytest.mark.usefixtures("root")
def test_says_who_leads_and_what_differs() -> None:
    output = compared("one", "two")
    assert "2 runs, by validation accuracy" in output
    assert "the same rows, split alike (digits)" in output
    assert "After 8 trials each" in output
    assert "After 18.0 s each" in output
    assert re.search(r"^two .* tie$", output, re.MULTILINE)
    assert "Not confirmed over other seeds: fcsearch confirm runs/two" in output
    assert max(map(len, output.splitlines())) <= 100
    assert output.splitlines() == [line.rstrip() for line in output.splitlines()]


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.usefixtures("root")
def test_a_narrow_terminal_breaks_no_word(
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
) -> None:
    whole = set(compared("one", "two").split())
    monkeypatch.setenv("COLUMNS", str(columns))
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    compare.callback(("one", "two"), Path("runs"), "text", None)
    output = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())
    assert max(map(len, output.splitlines())) <= columns
    table = re.sub("Left out for lack of room: .*\\.\n", "", output)
    assert (table == output) == (columns == 200)
    assert {word for word in table.split() if "\u2500" not in word} <= whole
    # Intervals, and what stands beside them, are in one line.
    assert re.search(r"^two .* to .* tie$", re.sub(" +$", "", output, flags=re.MULTILINE), re.MULTILINE)


def test_runs_on_other_rows_are_not_compared(root: Path) -> None:
    change_dataset(RunDirectory.open(root / "two"), fingerprint="0" * 16)
    output = compared("one", "two")
    assert "other rows of digits" in output
    assert "These runs cannot be compared" in output
    assert "behind" not in output
    assert not re.search("^  (seed|machine) ", output, re.MULTILINE)
    assert [output.count(name) for name in ("\none ", "\ntwo ")] == [2, 2]


def test_other_objectives_are_refused_in_a_line(root: Path, refused: Callable[..., str]) -> None:
    run = RunDirectory.create(root / "three", manifest("three"))
    run.write_pack(0, [{**trial_row(0), "objective": "roc_auc", "val_roc_auc": 0.9}], [])
    error = refused("compare", "one", "three")
    assert "found accuracy (runs/one), ROC AUC (runs/three)" in error
    assert len(error.strip().splitlines()) == 1


def test_a_head_start_and_differing_spaces_are_shown(root: Path) -> None:
    two = RunDirectory.open(root / "two")
    space = dict(two.manifest().space or {})
    changed = {**space, "parameters": {**space["parameters"], "epochs": {"value": 20}}}
    two.update_manifest({"observations": {"run": "/home/me/runs/zero", "used": 12, "left_out": 1}, "space": changed})
    output = compared("one", "two")
    assert "After 8 trials each (two was told 12 of zero before)" in output
    assert "What differs between the spaces" in output
    assert re.search(r"^epochs +\S.*10.* one\n +\S.*20.* two$", output, re.MULTILINE)


def test_runs_without_a_result_are_no_comparison(root: Path) -> None:
    RunDirectory.create(root / "three", manifest("three", state="running"))
    output = compared("one", "three")
    assert "three still runs after 0 of 48 trials" in output
    assert "There is nothing to compare yet" in output
    assert "confirm runs/three" not in output


@pytest.mark.usefixtures("root")
def test_json_has_all_of_it() -> None:
    found = json_of("compare", "one", "two")
    assert found["runs"] == ["runs/one", "runs/two"]
    assert found["comparable"] is True
    assert [section["basis"] for section in found["sections"]] == ["trials", "time"]
    assert {check["subject"] for check in found["checks"]} == {"data", "space", "seed", "machine"}


@pytest.mark.usefixtures("root")
def test_a_page_is_written_beside_the_text(tmp_path: Path) -> None:
    assert "2 runs, by validation accuracy" in compared("one", "two", "--html", "both.html")
    assert "<h1>one, two</h1>" in (tmp_path / "both.html").read_text()


@pytest.mark.usefixtures("root")
def test_a_page_that_cannot_be_written_is_no_traceback(refused: Callable[..., str]) -> None:
    error = refused("compare", "one", "two", "--html", "none/both.html")
    assert "--html must be a file that can be written; found none/both.html" in error


@pytest.mark.usefixtures("root")
def test_one_run_is_refused(refused: Callable[..., str]) -> None:
    assert "at least two runs" in refused("compare", "one")
