"""`fcsearch report`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import output_of, ran
from synthetic_run import add_trials, manifest

from fcsearch.results import RunDirectory


def test_reports_a_run_and_writes_the_report(run: RunDirectory) -> None:
    output = output_of("report", run.path, "--top", "3")
    assert "synthetic  complete" in output
    assert "Top 3" in output
    assert "is the figure to quote" in output
    assert max(len(line) for line in output.splitlines() if str(run.path) not in line) <= 100
    assert {"report.html", "report.json"} <= {path.name for path in run.path.iterdir()}


def test_json_is_what_is_written_but_for_paths(run: RunDirectory) -> None:
    output = output_of("report", run.path, "--format", "json")
    assert output.replace(str(run.path), run.path.name) == (run.path / "report.json").read_text()
    assert json.loads(output)["test"]["measurement"]["split"] == "test"


def test_no_write_leaves_the_directory_alone(run: RunDirectory) -> None:
    before = sorted(path.name for path in run.path.iterdir())
    output = output_of("report", run.path, "--no-write")
    assert "Best network" in output
    assert "not measured: it is measured once, when the winner is settled" in output
    assert sorted(path.name for path in run.path.iterdir()) == before


def test_a_running_run_is_not_measured_on_the_test_rows(tmp_path: Path) -> None:
    going = RunDirectory.create(tmp_path / "going", manifest("going", state="running", finished_at=None))
    add_trials(going, range(8))
    output = output_of("report", going.path)
    assert "going  running" in output
    assert "not measured: it is measured once, when the winner is settled" in output
    assert "is still running: 8 of 48 trials are done" in output
    assert not (going.path / "report.json").exists()


def test_the_latest_run_if_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, day in (("old", 1), ("new", 2)):
        created = f"2026-01-0{day}T00:00:00+00:00"
        RunDirectory.create(Path("runs") / name, manifest(name, state="interrupted", created_at=created))
    assert output_of("report", "--no-write").startswith("new  interrupted")
    assert output_of("report", "old", "--no-write").startswith("old  ")


def test_a_directory_that_cannot_be_written_is_reported_all_the_same(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Path, _target: Path) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "replace", refuse)
    result = ran("report", run.path)
    assert "Best network" in result.stdout
    assert "could not write the report" in result.stderr
    assert "Read-only file system" in result.stderr


def test_a_damaged_part_is_named_once(run: RunDirectory, refused: Callable[..., str]) -> None:
    part = next((run.path / "trials").glob("pack-*.parquet"))
    part.write_bytes(part.read_bytes()[:100])
    assert refused("report", str(run.path)).count(part.name) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "nowhere/run"], "nowhere/run must be a run directory; found nothing there"),
        (["report", "--dir", "nowhere"], "nowhere must hold a run; found none"),
        (["report", "--top", "0"], "must be an integer of at least 1; found '0'"),
        (["report", "--format", "xml"], "'xml' is not one of 'text', 'json'"),
    ],
)
def test_bad_input_exits_2_with_a_message(
    arguments: list[str],
    message: str,
    refused: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refused(*arguments)
    assert list(tmp_path.iterdir()) == []
