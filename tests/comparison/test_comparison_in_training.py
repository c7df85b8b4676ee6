"""In equal time, trials that were in training when the time was up count as far as they were trained by then."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from compared_runs import made, sections
from synthetic_run import START, manifest, trial_row

from fcsearch.comparison import compare_runs
from fcsearch.results import RunDirectory

VALUES = (0.55, 0.7, 0.6, 0.9)


def long_run(path: Path, *, state: str = "complete", shares: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)) -> RunDirectory:
    """A run of one trial of 40 seconds, with an accuracy after each of four epochs."""
    run = RunDirectory.create(path, manifest(path.name))
    row = {
        **trial_row(0),
        "state": state,
        "epochs_run": 4,
        "best_epoch": 4,
        "val_accuracy": max(VALUES),
        "started_at": START,
        "finished_at": START + timedelta(seconds=40),
    }
    epochs = [
        {"trial_id": 0, "epoch": epoch, "val_accuracy": value, "learning_rate": 0.1, "seconds": share}
        for epoch, (value, share) in enumerate(zip(VALUES, shares, strict=True), start=1)
    ]
    run.write_pack(0, [row], epochs)
    return run


@pytest.mark.parametrize("state", ["complete", "unfinished"])
@pytest.mark.parametrize(("seconds", "value"), [(12.5, 0.7), (8.0, 0.55)])
def test_the_best_epoch_by_then_counts(tmp_path: Path, state: str, seconds: float, value: float) -> None:
    quick = made(tmp_path / "quick", [0.5, 0.5], seconds=seconds)
    long = long_run(tmp_path / "long", state=state)
    found = sections(quick, long)["time"]
    assert found.amount == 2 * seconds
    assert [(entry.run, entry.trials, entry.trial_id, entry.value) for entry in found.standings] == [
        (str(long.path), 1, 0, value),
        (str(quick.path), 2, 0, 0.5),
    ]
    assert sections(quick, long)["trials"].standings[0].value == 0.9


def test_a_trial_without_a_measured_epoch_by_then_does_not(tmp_path: Path) -> None:
    quick, long = made(tmp_path / "quick", [0.5, 0.5], seconds=12.5), long_run(tmp_path / "long", shares=(9, 1, 1, 1))
    [first, last] = sections(quick, long)["time"].standings
    assert (first.run, last.trials, last.value) == (str(quick.path), 0, None)


def test_it_is_said(tmp_path: Path) -> None:
    quick, long = made(tmp_path / "quick", [0.5, 0.5], seconds=12.5), long_run(tmp_path / "long")
    methods = compare_runs([quick.path, long.path]).methods
    assert any(text.startswith("Of trials that were in training when the time was up, the best") for text in methods)
    assert f"trial 0 of {long.path} at an earlier epoch" in " ".join(methods)
    other = made(tmp_path / "other", [0.5, 0.6], seconds=12.5)
    methods = compare_runs([quick.path, other.path]).methods
    assert not any("in training" in method for method in methods)


@pytest.mark.parametrize(("resumed_after", "trials"), [(-20, 0), (50, 1)])
def test_a_trial_of_a_later_session_may_have_epochs_of_an_earlier_one(
    tmp_path: Path, resumed_after: int, trials: int
) -> None:
    long = long_run(tmp_path / "long")
    began = [START - timedelta(seconds=30), START + timedelta(seconds=resumed_after)]
    ended = [began[1] - timedelta(seconds=1), None]
    sessions = [
        {"started_at": start.isoformat(), **({"finished_at": end.isoformat()} if end else {})}
        for start, end in zip(began, ended, strict=True)
    ]
    long.update_manifest({"sessions": sessions})
    quick = made(tmp_path / "quick", [0.5, 0.5], seconds=12.5)
    (standing,) = [entry for entry in sections(quick, long)["time"].standings if entry.run == str(long.path)]
    assert standing.trials == trials
