"""A worker that stands still for two minutes, as on a machine that swaps or sleeps: its trials wait, and go on."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
import victims
from search_helpers import make_space
from search_processes import Processes, wait_for

STOPPED_SECONDS = 120


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("pool", ["local", pytest.param("ray", marks=pytest.mark.ray)])
def test_the_trials_of_a_worker_that_stands_still_go_on_with_it(pool: str, commands: Processes, tmp_path: Path) -> None:
    # Each takes tens of seconds.
    parameters = {"learning_rate": {"choices": [0.1, 0.2]}, "epochs": 4000}
    make_space(
        tmp_path, sampler="grid", trials=2, parameters=parameters, dataset={"source": "digits", "num_train": 300}
    )
    run = tmp_path / "runs" / "small"
    sizes = ("--cpus-per-worker", "0.5", "--workers", "2", "--pack-size", "1", "--confirm", "0")
    search = commands.start("run", "--space", "space.yaml", "--pool", pool, *sizes)
    wait_for(lambda: victims.trained(run) == 2, seconds=120)
    worker = victims.find(commands, "worker")[0]
    assert victims.send(worker, signal.SIGSTOP)
    time.sleep(STOPPED_SECONDS)
    assert search.poll() is None, commands.err
    assert victims.send(worker, signal.SIGCONT), commands.err
    assert search.wait(timeout=300) == 0, commands.err
    victims.assert_complete(run, trials=2)
    # Nothing was started over, and nobody was alarmed.
    assert victims.trained(run) == 2
    assert "failed" not in commands.err
