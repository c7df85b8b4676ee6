"""Optuna's importances: read from the journal, which stays as it is."""

from pathlib import Path

import optuna
from synthetic_run import trial_row

from fcsearch.report.importance import read_importances
from fcsearch.results import RunDirectory

ACCURACIES = {i: trial_row(i)["val_accuracy"] for i in range(48) if trial_row(i)["state"] != "diverged"}


def test_the_parameter_that_decides_comes_out_on_top(made_run: RunDirectory) -> None:
    before, verbosity = made_run.journal_path.read_bytes(), optuna.logging.get_verbosity()
    importances, note = read_importances(made_run.journal_path, "synthetic", ACCURACIES)
    assert note is None
    assert max(importances, key=lambda name: importances[name]) == "learning_rate"
    assert abs(sum(importances.values()) - 1) < 1e-9
    assert made_run.journal_path.read_bytes() == before
    assert optuna.logging.get_verbosity() == verbosity
    assert not list(made_run.path.glob("study.journal.*")), "no lock is left"


def test_stopped_trials_count(made_run: RunDirectory) -> None:
    stopped = {i: accuracy for i, accuracy in ACCURACIES.items() if trial_row(i)["state"] == "stopped"}
    complete = {i: accuracy for i, accuracy in ACCURACIES.items() if i not in stopped}
    everything = read_importances(made_run.journal_path, "synthetic", ACCURACIES)[0]
    assert (
        everything["learning_rate"]
        != read_importances(made_run.journal_path, "synthetic", complete)[0]["learning_rate"]
    )


def test_a_journal_that_cannot_be_written_is_read_all_the_same(run: RunDirectory) -> None:
    run.journal_path.chmod(0o400)
    assert read_importances(run.journal_path, "synthetic", ACCURACIES)[0]


def test_too_few_trials_with_a_result(made_run: RunDirectory) -> None:
    few = dict(list(ACCURACIES.items())[:19])
    expected = "they need 20 trials with a result; this run has 19"
    assert read_importances(made_run.journal_path, "synthetic", few) == ({}, expected)


def test_no_journal_is_not_made(tmp_path: Path) -> None:
    assert read_importances(tmp_path / "study.journal", "x", ACCURACIES) == ({}, "there is no study.journal")
    assert list(tmp_path.iterdir()) == []


def test_a_study_of_another_name(run: RunDirectory) -> None:
    expected = "study.journal holds no study named other"
    assert read_importances(run.journal_path, "other", ACCURACIES) == ({}, expected)


def test_a_damaged_journal(run: RunDirectory) -> None:
    content = run.journal_path.read_bytes()
    run.journal_path.write_bytes(b'{"op_code": \n' + content)
    importances, note = read_importances(run.journal_path, "synthetic", ACCURACIES)
    assert importances == {}
    assert note is not None
    assert note.startswith("study.journal could not be evaluated")
    # A crash in the middle of an append leaves a torn last line: what stands before it counts.
    run.journal_path.write_bytes(content + b'{"op_code": 5, "wor')
    assert read_importances(run.journal_path, "synthetic", ACCURACIES)[1] is None


def test_a_journal_that_knows_none_of_the_trials(run: RunDirectory) -> None:
    strangers = {number + 1000: accuracy for number, accuracy in ACCURACIES.items()}
    expected = "they need 20 trials with a result; study.journal has 0 of them"
    assert read_importances(run.journal_path, "synthetic", strangers) == ({}, expected)
