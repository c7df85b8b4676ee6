"""`fcsearch runs`."""

import re
from pathlib import Path

import pytest
from commands import Terminal, json_of, output_of
from synthetic_run import add_trials, manifest

from fcsearch.cli.runs import runs, size_text
from fcsearch.errors import UsageError
from fcsearch.results import RunDirectory


def make(root: Path) -> None:
    old = RunDirectory.create(root / "[old]", manifest("[old]", created_at="2026-01-01T00:00:00+00:00"))
    add_trials(old, range(8))
    RunDirectory.create(root / "new", manifest("new", state="running", created_at="2026-01-02T00:00:00+00:00"))
    damaged = RunDirectory.create(root / "torn", manifest("torn"))
    (damaged.path / "run.json").write_text("{")


def test_lists_runs_newest_first(tmp_path: Path) -> None:
    make(tmp_path)
    output = output_of("runs", "--dir", tmp_path)
    # The folder's path is the environment's: of any length, and with any words in it.
    names, states = zip(*(line.rsplit("/", 1)[1].split()[:2] for line in output.splitlines()[2:4]), strict=True)
    assert names == ("new", "[old]")
    assert states == ("running", "complete")
    assert "2026-01-01 00:00:00" in output
    assert "98.41%" in output
    assert re.search(r"  \d+\.\d KB\n", output)


def test_a_damaged_run_is_one_line_with_its_error(tmp_path: Path) -> None:
    make(tmp_path)
    lines = output_of("runs", "--dir", tmp_path).splitlines()
    [line] = [line for line in lines if "torn" in line]
    assert line == lines[-1]
    assert "torn damaged: " in line
    assert f"{tmp_path / 'torn' / 'run.json'} must hold JSON" in line


def test_a_run_without_its_manifest_is_one_line_too(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "torn" / "run.json").unlink()
    (tmp_path / "no run").mkdir()
    output = output_of("runs", "--dir", tmp_path)
    assert "torn damaged: " in output.splitlines()[-1]
    assert "must have the run.json of its search; found a run without it; put a copy of it back" in output
    assert "no run" not in output


def test_runs_of_the_working_folder_have_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    for arguments in ([], ["--dir", str(tmp_path / "runs")]):
        lines = output_of("runs", *arguments).splitlines()
        assert [line.split()[0] for line in lines[2:]] == ["runs/new", "runs/[old]", "runs/torn"]


def on_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> str:
    """What the command shows in the working folder, without colours."""
    monkeypatch.setenv("COLUMNS", str(columns))
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    runs.callback(Path("runs"), (), "text")
    return re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_narrow_terminal_breaks_no_word_and_is_spared_what_is_needed_least(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    make(tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    table = on_terminal(monkeypatch, columns).split("runs/torn")[0]
    assert max(map(len, table.splitlines())) <= columns
    words = set(table.split())
    assert {"98.41%", "complete", "runs/[old]", "running"} <= words
    assert ({"2026-01-01", "00:00:00", "digits"} <= words) == (columns > 60)
    assert ("\nLeft out for lack of room: started (UTC), size.\n" in table) == (columns == 60)
    assert {word for word in words if ":" in word} <= {"00:00:00", "room:"}


@pytest.mark.parametrize("columns", [60, 64, 80])
def test_how_a_run_ended_is_folded_on_a_narrow_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    ended = manifest("customers", state="complete", ended_by="time_budget", options={"trials": 5_000})
    RunDirectory.create(tmp_path / "runs" / "customers", ended)
    monkeypatch.chdir(tmp_path)
    table = on_terminal(monkeypatch, columns)
    assert max(map(len, table.splitlines())) <= columns
    assert {"runs/customers", "ended", "budget"} <= set(table.split())


def test_json(tmp_path: Path) -> None:
    make(tmp_path)
    found = json_of("runs", "--dir", tmp_path)
    assert [(run["name"], run["state"], run["trials"]) for run in found] == [
        ("new", "running", 0),
        ("[old]", "complete", 8),
        ("torn", "damaged", None),
    ]
    assert found[1]["objective"] == "accuracy"
    assert found[1]["best_value"] > 0.98
    assert found[1]["bytes"] > 1000
    assert (found[1]["tags"], found[1]["note"]) == ([], None)


def test_no_runs(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    assert "start one with `fcsearch run --space FILE`" in output_of("runs", "--dir", tmp_path / "none")
    assert json_of("runs", "--dir", tmp_path / "none") == []


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--dir must be a folder with runs; found no folder .*nope"):
        output_of("runs", "--dir", tmp_path / "nope")


def test_a_run_that_its_budget_ended_says_what_it_was_asked_for(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "short", manifest("short"))
    run.update_manifest({"ended_by": "time_budget", "options": {"trials": 500}})
    add_trials(run, range(8))
    output = output_of("runs", "--dir", tmp_path)
    assert "short   ended by its time budget   " in output
    assert "   8 of 500   " in output
    run.update_manifest({"ended_by": "interrupt"})
    output = output_of("runs", "--dir", tmp_path)
    assert "8 of 500 " in output
    assert "time budget" not in output


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1234, "1.2 KB"), (999_900, "1.0 MB"), (123_456_789, "123 MB")]
)
def test_sizes_are_for_people(count: int, text: str) -> None:
    assert size_text(count) == text
