"""Searches whose process is interrupted or killed, and that go on."""

import contextlib
import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from search_helpers import make_space
from search_processes import Processes, wait_for

from fcsearch.results import RunDirectory

pytestmark = pytest.mark.ray

# Of each pair of epochs one is over at once, the other takes seconds.
EPOCHS = [1, 600]
RATES = [0.1, 0.2, 0.3, 0.4]
ENDLESS = "parameters.epochs={choices: [1, 1000000]}"


@pytest.fixture
def space_file(tmp_path: Path) -> str:
    parameters: dict[str, Any] = {"learning_rate": {"choices": RATES}, "epochs": {"choices": EPOCHS}, "hidden_dim": 64}
    make_space(
        tmp_path, sampler="grid", trials=8, parameters=parameters, dataset={"source": "digits", "num_train": 600}
    )
    return str(tmp_path / "space.yaml")


def rows(run: Path) -> list[dict[str, Any]]:
    return RunDirectory(run).trials().to_pylist()


def params(run: Path) -> dict[int, dict[str, Any]]:
    storage = JournalStorage(JournalFileBackend(str(run / "study.journal")))
    study = optuna.load_study(study_name=run.name, storage=storage)
    return {trial.number: trial.params for trial in study.get_trials()}


def search(space_file: str, *more: str) -> Sequence[str]:
    return ("run", "--space", space_file, "--cpus-per-worker", "0.5", "--workers", "2", *more)


def in_log(run: Path, text: str) -> int:
    """How often the run's log says this."""
    log = run / "log.txt"
    return log.read_text().count(text) if log.exists() else 0


def test_after_sigkill_resume_ends_with_every_trial_once_as_it_was_configured(
    commands: Processes, space_file: str, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "small"
    driver = commands.start(*search(space_file, "--pack-size", "1"))
    # One trial is done and recorded; others train, and wait in the journal.
    wait_for(lambda: (run / "trials").exists() and len(rows(run)) >= 1)
    driver.kill()
    driver.wait()
    commands.end()
    before, asked = rows(run), params(run)
    assert 1 <= len(before) < 8
    assert len(asked) > len(before)
    assert RunDirectory.open(run).state() == "interrupted"

    assert commands.run("resume", "small") == 0, commands.err
    after = rows(run)
    assert [row["trial_id"] for row in after] == list(range(8))
    assert sorted((row["learning_rate"], row["epochs"]) for row in after) == sorted(
        (r, e) for r in RATES for e in EPOCHS
    )
    assert [row for row in after if row["trial_id"] in {old["trial_id"] for old in before}] == before
    assert {number: params(run)[number] for number in asked} == asked
    for row in after:
        found = params(run)[row["trial_id"]]
        assert (row["learning_rate"], row["epochs"]) == (found["learning_rate"], found["epochs"])
    assert RunDirectory.open(run).state() == "complete"
    assert "8 trials" in commands.out


@pytest.mark.slow
def test_sigterm_to_all_processes_ends_a_search_as_ctrl_c_does(
    commands: Processes, space_file: str, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "small"
    driver = commands.start(*search(space_file, "--pack-size", "2", "--set", ENDLESS))
    wait_for(lambda: in_log(run, " trains on ") == 2)
    # As systemd and Slurm do; Kubernetes and `kill` send it to the first alone.
    for number in commands.alive():
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGTERM)
    assert driver.wait(timeout=40) == 143, commands.err
    assert RunDirectory.open(run).state() == "interrupted"
    assert "fcsearch resume runs/small" in commands.err.splitlines()[-1]
    assert "Traceback" not in commands.err
    assert_ray_is_gone(commands)


def test_ctrl_c_once_keeps_what_is_finished_and_says_how_to_go_on(
    commands: Processes, space_file: str, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "kept"
    driver = commands.start(*search(space_file, "--pack-size", "2", "--name", "kept", "--set", ENDLESS))
    wait_for(lambda: in_log(run, " trains on ") == 2)
    # As a terminal does, to all of its processes.
    os.killpg(driver.pid, signal.SIGINT)
    assert driver.wait(timeout=40) == 130
    assert_ray_is_gone(commands)
    assert RunDirectory.open(run).state() == "interrupted"
    assert {row["epochs"] for row in rows(run) if row["state"] != "unfinished"} == {1}
    # What the others had reached counts too.
    assert len(rows(run)) == 4
    assert all(row["epochs_run"] for row in rows(run))
    assert "fcsearch resume runs/kept" in commands.err
    assert "Best network" in commands.out
    assert_only_ours(commands)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_ends_at_once(
    commands: Processes, space_file: str, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    run = tmp_path / "runs" / "small"
    driver = commands.start(*search(space_file, "--set", ENDLESS))
    wait_for(lambda: in_log(run, "is handed out") == 2)
    os.killpg(driver.pid, number)
    wait_for(lambda: "finished trials are kept" in commands.err or driver.poll() is not None)
    os.killpg(driver.pid, number)
    assert driver.wait(timeout=40) == code
    assert RunDirectory.open(run).state() == "interrupted"
    assert "Traceback" not in commands.err
    assert_ray_is_gone(commands)


def assert_ray_is_gone(commands: Processes) -> None:
    """No process of it, which take a moment to see that their raylet has ended, and no file."""
    wait_for(lambda: not [text for text in commands.alive().values() if "ray" in text], seconds=20)
    assert list(commands.temporary.iterdir()) == []


def assert_only_ours(commands: Processes) -> None:
    """Nothing of Ray or Optuna reached the terminal."""
    text = commands.out + commands.err
    for word in ("ray.", "raylet", "INFO", "WARNING", "Token", "optuna.", "Traceback"):
        # Not within a longer word: the name of a folder may have it.
        assert not re.search(rf"(?<![/\w]){re.escape(word)}", text), text
