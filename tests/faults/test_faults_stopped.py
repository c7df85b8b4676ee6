"""A worker that stands still for two minutes, as on a machine that swaps or sleeps: its trials wait, and go on."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import victims
from search_helpers import make_space
from search_processes import Processes, processes, wait_for

STOPPED_SECONDS = 120


@dataclass
class Search:
    """A search of two trials in two workers, of which one stands still."""

    commands: Processes
    process: subprocess.Popen[str]
    run: Path
    stopped: int

    @classmethod
    def of(cls, pool: str, commands: Processes) -> Search:
        """Start it, and stop a worker as soon as both train."""
        # Each takes tens of seconds.
        parameters = {"learning_rate": {"choices": [0.1, 0.2]}, "epochs": 4000}
        digits = {"source": "digits", "num_train": 300}
        make_space(commands.folder, sampler="grid", trials=2, parameters=parameters, dataset=digits)
        run = commands.folder / "runs" / "small"
        sizes = ("--cpus-per-worker", "0.5", "--workers", "2", "--pack-size", "1", "--confirm", "0")
        process = commands.start("run", "--space", "space.yaml", "--pool", pool, *sizes)
        wait_for(lambda: victims.trained(run) == 2, seconds=240)
        worker = victims.find(commands, "worker")[0]
        assert victims.send(worker, signal.SIGSTOP)
        return cls(commands, process, run, worker)

    def goes_on(self) -> None:
        """Nothing was started over, and nobody was alarmed."""
        assert self.process.poll() is None, self.commands.err
        assert victims.send(self.stopped, signal.SIGCONT), self.commands.err
        assert self.process.wait(timeout=300) == 0, self.commands.err
        victims.assert_complete(self.run, trials=2)
        assert victims.trained(self.run) == 2
        assert "failed" not in self.commands.err


@pytest.fixture
def searches(tmp_path: Path) -> Iterator[list[Search]]:
    """One with each pool; they stand still together, to wait only once."""
    with ExitStack() as stack:
        found = []
        for pool in ("local", "ray"):
            folder = tmp_path / pool
            folder.mkdir()
            found.append(Search.of(pool, stack.enter_context(processes(folder))))
        yield found


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(1200)
def test_the_trials_of_a_worker_that_stands_still_go_on_with_it(searches: list[Search]) -> None:
    time.sleep(STOPPED_SECONDS)
    for search in searches:
        search.goes_on()
