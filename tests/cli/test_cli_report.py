"""`fcsearch report`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from run_fixtures import empty_run, made_run, run
from synthetic_run import add_trials, manifest

from fcsearch.cli.report import report
from fcsearch.results import RunDirectory

__all__ = ["empty_run", "made_run", "run"]


def test_reports_a_run_and_writes_the_report(run: RunDirectory) -> None:
    result = CliRunner().invoke(report, [str(run.path), "--top", "3"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "synthetic  complete" in result.output
    assert "Top 3" in result.output
    assert "is the figure to quote" in result.output
    assert max(len(line) for line in result.output.splitlines() if str(run.path) not in line) <= 100
    assert {"report.html", "report.json"} <= {path.name for path in run.path.iterdir()}


def test_json_is_what_is_written_but_for_paths(run: RunDirectory) -> None:
    result = CliRunner().invoke(report, [str(run.path), "--format", "json"], catch_exceptions=False)
    assert result.output.replace(str(run.path), run.path.name) == (run.path / "report.json").read_text()
    assert json.loads(result.output)["test"]["measurement"]["split"] == "test"


def test_no_write_leaves_the_directory_alone(run: RunDirectory) -> None:
    before = sorted(path.name for path in run.path.iterdir())
    result = CliRunner().invoke(report, [str(run.path), "--no-write"], catch_exceptions=False)
    assert "Best network" in result.output
    assert "not measured: it is measured once, when the winner is settled" in result.output
    assert sorted(path.name for path in run.path.iterdir()) == before


def test_a_running_run_is_not_measured_on_the_test_rows(tmp_path: Path) -> None:
    going = RunDirectory.create(tmp_path / "going", manifest("going", state="running", finished_at=None))
    add_trials(going, range(8))
    result = CliRunner().invoke(report, [str(going.path)], catch_exceptions=False)
    assert "going  running" in result.output
    assert "not measured: it is measured once, when the winner is settled" in result.output
    assert "is still running: 8 of 48 trials are done" in result.output
    assert not (going.path / "report.json").exists()


def test_the_latest_run_if_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, day in (("old", 1), ("new", 2)):
        created = f"2026-01-0{day}T00:00:00+00:00"
        RunDirectory.create(Path("runs") / name, manifest(name, state="interrupted", created_at=created))
    assert CliRunner().invoke(report, ["--no-write"], catch_exceptions=False).output.startswith("new  interrupted")
    assert CliRunner().invoke(report, ["old", "--no-write"], catch_exceptions=False).output.startswith("old  ")


def test_a_directory_that_cannot_be_written_is_reported_all_the_same(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Path, _target: Path) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "replace", refuse)
    result = CliRunner().invoke(report, [str(run.path)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "Best network" in result.stdout
    assert "could not write the report" in result.stderr
    assert "Read-only file system" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "nowhere/run"], "nowhere/run must be a run directory; found nothing there"),
        (["report", "--dir", "nowhere"], "nowhere must hold a run; found none"),
        (["report", "--top", "0"], "0 is not in the range x>=1"),
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
