"""The report's content, for runs in every state."""

import json
import shlex
from datetime import timedelta
from pathlib import Path

import pytest
from synthetic_run import PACK_SIZE, SPACE, START, add_trials, manifest, trial_row

from fcsearch.report import FinalTest, Report, build_report, render_json, render_text, write_report
from fcsearch.results import Manifest, RunDirectory

NOTHING = FinalTest(note="nothing measured")


def report_of(run: RunDirectory) -> Report:
    return build_report(run, test=NOTHING)


def test_a_complete_run(made_run: RunDirectory) -> None:
    found = report_of(made_run)
    rows = [trial_row(trial_id) for trial_id in range(48)]
    best = max(rows, key=lambda row: row.get("val_accuracy", 0))
    assert (found.name, found.state, found.sampler, found.seed) == ("synthetic", "complete", "tpe", 0)
    assert (found.dataset.train_rows, found.dataset.val_rows, found.dataset.test_rows) == (1257, 270, 270)
    assert found.work.counts == {"complete": 32, "stopped": 12, "diverged": 4, "failed": 0, "unfinished": 0}
    assert (found.work.planned, found.work.done, found.work.packs) == (48, 48, 48 // PACK_SIZE)
    assert found.work.elapsed_seconds == 96
    assert found.work.trials_per_minute == 30
    assert found.work.train_seconds == pytest.approx(48 * 0.8)
    assert found.work.places == {"machine 1 cpu": 24, "machine 2 cpu": 24}
    assert found.best.row["trial_id"] == best["trial_id"]
    assert (
        found.best.train_command == f"fcsearch train --run {shlex.quote(str(made_run.path))} --trial {best['trial_id']}"
    )
    assert found.best.model == str(made_run.models.path(best["trial_id"]))
    assert found.best.parameters["learning_rate"] == best["learning_rate"]
    assert "momentum" not in found.best.parameters
    accuracies = [row["val_accuracy"] for row in found.top]
    assert len(accuracies) == 10
    assert accuracies == sorted(accuracies, reverse=True)
    assert {effect.parameter for effect in found.effects} == set(SPACE["parameters"]) - {"epochs"}
    assert found.effects[0].parameter == "learning_rate"
    assert found.importance_note is None
    assert set(found.files) == {"trials", "epochs", "models", "report", "journal", "log"}


def test_top_is_as_long_as_asked(made_run: RunDirectory) -> None:
    assert len(build_report(made_run, test=NOTHING, top=3).top) == 3


def test_planned_trials_of_the_command_line_count_before_those_of_the_space(run: RunDirectory) -> None:
    run.update_manifest({"options": {"trials": 60}})
    assert report_of(run).work.planned == 60


def test_the_time_of_a_resumed_run_leaves_out_its_pause(run: RunDirectory) -> None:
    before = report_of(run).work.elapsed_seconds
    later = START + timedelta(days=1)
    row = {**trial_row(50), "started_at": later, "finished_at": later + timedelta(seconds=10)}
    run.write_pack(run.next_pack_id(), [row], [])
    run.update_manifest({"finished_at": (later + timedelta(seconds=12)).isoformat()})
    # The last pack before the pause ended 18 s before the run's first end.
    assert report_of(run).work.elapsed_seconds == pytest.approx(before - 18 + 12)


def test_a_running_run_is_timed_to_its_latest_result(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "r", manifest("r", state="running", finished_at=None))
    add_trials(run, range(PACK_SIZE))
    found = report_of(run)
    assert found.state == "running"
    assert found.work.elapsed_seconds == 18
    assert found.importance_note == "they need 20 trials with a result; this run has 7"


@pytest.mark.parametrize("state", ["running", "interrupted", "failed"])
def test_a_run_without_results(tmp_path: Path, state: str) -> None:
    run = RunDirectory.create(
        tmp_path / "r",
        manifest("r", state=state, finished_at=None, error="every trial failed" if state == "failed" else None),
    )
    found = write_report(run)
    assert found.best is None
    assert (found.top, found.effects) == ((), ())
    assert found.test.note == "no trial has a result"
    assert found.work.trials_per_minute is None
    assert "no trial of 48 is done yet" in render_text(found)
    assert ("every trial failed" in render_text(found)) == (state == "failed")
    assert (run.path / "report.html").exists()


def test_a_run_whose_trials_all_failed(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "r", manifest("r", state="failed", error="every trial failed"))
    rows = [{"trial_id": i, "state": "failed", "error": f"boom {i}", "depth": i + 2} for i in (0, 1)]
    run.write_pack(0, [{"hidden_dims": [5], **row} for row in rows], [])
    found = write_report(run)
    assert found.best is None
    assert found.work.first_error == "boom 0"
    assert "2 trials failed, the first with: boom 0" in render_text(found)


def test_a_run_whose_trials_all_diverged_still_says_what_was_tried(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "r", manifest("r"))
    diverged = [{**trial_row(trial_id), "state": "diverged"} for trial_id in range(6)]
    run.write_pack(0, diverged, [])
    found = write_report(run)
    assert found.best is None
    assert sum(group.diverged for group in found.effects[0].groups) == 6
    assert "All 6 trials diverged" in render_text(found)


def test_one_trial(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "r", manifest("r"))
    add_trials(run, range(4, 5))
    found = write_report(run)
    assert found.effects == ()
    assert "1 trial" not in "\n".join(found.trust.remarks)


def test_a_bare_manifest_is_enough(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "r", Manifest())
    add_trials(run, range(8))
    found = write_report(run)
    assert found.name == "r"
    assert found.dataset.name == "unknown"
    assert found.trust.standard_error is None
    assert render_text(found)


def test_json_holds_all_of_it(run: RunDirectory) -> None:
    found = write_report(run)
    text = (run.path / "report.json").read_text()
    # Whoever is given the file learns no path.
    assert text == render_json(found).replace(str(run.path), run.path.name)
    loaded = json.loads(text)
    assert loaded["best"]["row"]["trial_id"] == found.best.row["trial_id"]  # type: ignore[union-attr]
    assert loaded["best"]["row"]["started_at"].endswith("+00:00")
    assert loaded["test"]["measurement"]["accuracy"] == found.test.measurement.accuracy  # type: ignore[union-attr]
    assert loaded["work"]["counts"]["complete"] == 32
    assert len(loaded["top"]) == 10
