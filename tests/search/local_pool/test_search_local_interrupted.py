"""Searches with worker processes of their own, whose process is interrupted or killed."""

import os
import signal
from pathlib import Path

import pytest
from search_helpers import make_space
from search_processes import Processes, wait_for

from fcsearch.results import RunDirectory


@pytest.fixture
def search(tmp_path: Path) -> tuple[str, ...]:
    """Two packs, each with a trial that is over at once and one that never ends."""
    parameters = {"learning_rate": {"choices": [0.1, 0.2]}, "epochs": {"choices": [1, 1000000]}, "hidden_dim": 8}
    make_space(tmp_path, sampler="grid", parameters=parameters, dataset={"source": "digits", "num_train": 300})
    sizes = ("--cpus-per-worker", "0.5", "--workers", "2", "--pack-size", "2")
    return ("run", "--space", str(tmp_path / "space.yaml"), "--pool", "local", *sizes)


def trains(run: Path) -> bool:
    """Whether both packs do."""
    log = run / "log.txt"
    return log.exists() and log.read_text().count(" trains on ") == 2


def test_ctrl_c_keeps_what_is_finished_and_resume_needs_no_ray(
    commands: Processes, search: tuple[str, ...], tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "small"
    driver = commands.start(*search)
    wait_for(lambda: trains(run))
    os.killpg(driver.pid, signal.SIGINT)
    assert driver.wait(timeout=40) == 130
    assert "fcsearch resume runs/small" in commands.err
    found = RunDirectory.open(run)
    assert found.ended_trials()["epochs"].to_pylist() == [1, 1]
    assert all(row["epochs_run"] for row in found.trials().to_pylist())
    assert commands.alive() == {}
    assert list(commands.temporary.iterdir()) == []


def test_workers_end_when_their_search_is_killed(commands: Processes, search: tuple[str, ...], tmp_path: Path) -> None:
    driver = commands.start(*search)
    wait_for(lambda: trains(tmp_path / "runs" / "small"))
    # The search, two workers, and what these were forked from.
    assert len(commands.alive()) == 4
    driver.kill()
    driver.wait()
    wait_for(lambda: not commands.alive(), seconds=30)
    assert list(commands.temporary.iterdir()) == []
