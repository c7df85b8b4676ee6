"""Ray's own processes die in the middle of a search on this machine."""

import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from search_helpers import make_space
from search_processes import Processes, wait_for

from fcsearch.results import RunDirectory

# Limits are for a search that hangs: on a machine with other things to do Ray takes a minute to start.
pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]
LONG = 300


# At every report.
KEPT = ("--checkpoint-every", "0")


@pytest.fixture
def space_file(tmp_path: Path) -> str:
    """Four trials of a few seconds each, so that they are kept more than once."""
    parameters: dict[str, Any] = {"learning_rate": {"choices": [0.1, 0.2]}, "epochs": {"choices": [8000, 10000]}}
    make_space(
        tmp_path, sampler="grid", trials=4, parameters=parameters, dataset={"source": "digits", "num_train": 600}
    )
    return str(tmp_path / "space.yaml")


def search(space_file: str) -> Sequence[str]:
    return ("run", "--space", space_file, "--cpus-per-worker", "0.5", "--workers", "2", "--pack-size", "1", *KEPT)


def named(commands: Processes, name: str) -> list[int]:
    """The processes of Ray whose program has this name."""
    return [number for number, text in commands.alive().items() if text.split(" ")[0].endswith(f"/{name}")]


def kill(commands: Processes, name: str) -> None:
    """Kill that process of Ray."""
    # What it forks has its name, too, for a moment.
    wait_for(lambda: len(named(commands, name)) == 1)
    os.kill(min(named(commands, name)), signal.SIGKILL)


def trains(run: Path) -> int:
    log = run / "log.txt"
    return log.read_text().count(" trains on ") if log.exists() else 0


@pytest.mark.parametrize(
    ("program", "part"),
    [("raylet", "its raylet died"), ("gcs_server", "its head (GCS) died")],
)
@pytest.mark.slow
def test_ray_is_started_again_and_the_search_goes_on(
    program: str, part: str, commands: Processes, space_file: str, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "small"
    driver = commands.start(*search(space_file))
    wait_for(lambda: trains(run) >= 2 and any(run.glob("checkpoints/trials/*.safetensors")), seconds=LONG)
    kill(commands, program)
    assert driver.wait(timeout=LONG) == 0, commands.err
    assert f"{part} on this machine; Ray is started again (1 of 2)" in commands.err + commands.out
    assert "is handed out from their checkpoint" in (run / "log.txt").read_text()
    assert RunDirectory.open(run).state() == "complete"
    assert [row["trial_id"] for row in RunDirectory(run).trials().to_pylist()] == list(range(4))
    assert "Traceback" not in commands.err
    wait_for(lambda: not commands.alive(), seconds=LONG)
    assert list(commands.temporary.iterdir()) == []


@pytest.mark.slow
def test_a_raylet_that_dies_while_ray_starts_costs_another_start(
    commands: Processes, space_file: str, tmp_path: Path
) -> None:
    driver = commands.start(*search(space_file), "--set", "parameters.epochs={choices: [1, 2]}")
    wait_for(lambda: any(text.split(" ")[0].endswith("/raylet") for text in commands.alive().values()), seconds=LONG)
    kill(commands, "raylet")
    assert driver.wait(timeout=LONG) == 0, commands.err
    assert re.search(r"its .* on this machine; Ray is started again \(1 of 2\)", commands.err), commands.err
    assert len(RunDirectory.open(tmp_path / "runs" / "small").finished_trials()) == 4
    assert "Traceback" not in commands.err


@pytest.mark.slow
def test_ray_that_dies_again_and_again_ends_the_search(commands: Processes, space_file: str, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "small"
    # No trial ends: with each start of Ray the two packs train anew.
    driver = commands.start(*search(space_file), "--set", "parameters.epochs=1000000")
    for times in range(1, 4):
        wait_for(lambda times=times: trains(run) >= 2 * times or driver.poll() is not None, seconds=LONG)  # type: ignore[misc]
        kill(commands, "raylet")
    assert driver.wait(timeout=LONG) == 1
    assert "its raylet died on this machine, 3 times" in commands.err
    assert "continue with `fcsearch resume runs/small`" in commands.err
    assert RunDirectory.open(run).state() == "failed"
    assert "Traceback" not in commands.err
