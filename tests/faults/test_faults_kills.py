"""SIGKILL at random times over every process of a search: no trial is lost, none is there twice.

`FCSEARCH_FAULTS_SEED` repeats the kills of an earlier run, as far as the machine is as fast as it was then.
"""

import dataclasses
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import victims
from hygiene import wait_until
from search_helpers import make_space
from search_processes import Processes

TRIALS = 16
SEED = int(os.environ.get("FCSEARCH_FAULTS_SEED") or random.SystemRandom().randrange(10**6))
# Whose death ends the search itself, and whose the search survives.
KINDS = {
    "local": ("search", "worker", "fork server"),
    "ray": ("search", "worker", "ray", "raylet", "gcs_server"),
}
RAYS = ("ray", "raylet", "gcs_server")
# Ray is started again twice in one search.
RESTARTS = 2
HANG_SECONDS = 600
# So many of the kills come while packs train, so long after that was seen; the others at any time, as in a start.
IN_TRAINING, MOST_SECONDS = 0.75, 1.0


@dataclasses.dataclass
class Counts:
    """What a campaign cost, beyond the undisturbed run."""

    kills: Counter[str] = dataclasses.field(default_factory=Counter)
    resumes: int = 0
    tracebacks: int = 0
    processes: int = 0
    files: int = 0
    seconds: float = 0.0
    undisturbed: float = 0.0

    def __str__(self) -> str:
        kills = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kills.items()))
        return (
            f"{self.kills.total()} kills ({kills}), {self.resumes} resumes, {self.seconds:.0f} s in all, undisturbed "
            f"{self.undisturbed:.0f} s; tracebacks {self.tracebacks}, processes left {self.processes}, files left "
            f"{self.files}"
        )


class Campaign:
    """One search, killed again and again, until it is done.

    Args:
        commands: Starts it.
        folder: Where.
        pool: What trains.
        sampler: What is searched with.
        kills: How often something is killed, if the search lives that long.
        seed: Of when and what.
        name: The run's.
    """

    def __init__(
        self,
        commands: Processes,
        folder: Path,
        *,
        pool: str,
        sampler: str,
        kills: int,
        seed: int,
        name: str,
        epochs: int = 600,
    ) -> None:
        self._commands, self._folder, self._pool, self._kills = commands, folder, pool, kills
        self._random = random.Random(seed)
        self.run, self.alone, self.counts = folder / "runs" / name, folder / "runs" / f"{name}-alone", Counts()
        rates: dict[str, Any] = {"low": 1e-3, "high": 0.3, "log": True}
        if sampler == "grid":
            rates = {"choices": [0.01 * number for number in range(1, TRIALS // 2 + 1)]}
        parameters = {"learning_rate": rates, "hidden_dim": {"choices": [8, 16]}, "epochs": epochs}
        digits = {"source": "digits", "num_train": 300}
        make_space(folder, sampler=sampler, trials=TRIALS, parameters=parameters, dataset=digits)
        self._options = ("--space", "space.yaml", "--confirm", "0", "--cpus-per-worker", "0.5", "--workers", "2")
        self._sizes = ("--pack-size", "2", "--pool", pool)

    def go(self) -> Counts:
        """Run the undisturbed search and the disturbed one, and count."""
        began = time.monotonic()
        run = ("run", *self._options, *self._sizes, "--name")
        whole = self._commands.run(*run, self.alone.name, timeout=HANG_SECONDS)
        assert whole == 0, self._commands.err
        self.counts.undisturbed = time.monotonic() - began
        self._leave_nothing()
        began = time.monotonic()
        search = self._commands.start(*run, self.run.name)
        while True:
            code = self._disturb(search)
            self.counts.tracebacks += victims.tracebacks([self._commands.err, self._commands.out])
            if code == 0:
                break
            # Killed itself, or Ray died too often; a kill before there was a run leaves nothing to resume.
            assert code in (-signal.SIGKILL, 1), self._commands.err
            self.counts.resumes += 1
            again = ("resume",) if (self.run / "run.json").exists() else run
            search = self._commands.start(*again, self.run.name)
        self.counts.seconds = time.monotonic() - began
        self._leave_nothing()
        return self.counts

    def _disturb(self, search: subprocess.Popen[str]) -> int:
        """Kill at random times until the search ends; its exit code."""
        deaths_of_ray = 0
        while self._kills:
            if self._random.random() < IN_TRAINING:
                wait_until(lambda: search.poll() is not None or self._trains(), seconds=HANG_SECONDS)
            try:
                return search.wait(self._random.uniform(0.2, MOST_SECONDS))
            except subprocess.TimeoutExpired:
                # One more death of Ray would end the search, which the tests of that look at.
                kinds = [kind for kind in KINDS[self._pool] if kind not in RAYS or deaths_of_ray < RESTARTS]
            # Of those that live one that was killed least: all are there only while the search trains.
            found = {kind: numbers for kind in kinds if (numbers := victims.find(self._commands, kind))}
            kind = min(found, key=lambda kind: (self.counts.kills[kind], self._random.random()), default="")
            if kind and victims.send(self._random.choice(found[kind]), signal.SIGKILL):
                self._kills -= 1
                self.counts.kills[kind] += 1
                deaths_of_ray += kind in RAYS
                if kind == "search":
                    break
        return search.wait(HANG_SECONDS)

    def _trains(self) -> bool:
        """Whether workers live, and a pack was handed out that has no rows."""
        log = self.run / "log.txt"
        handed_out = log.read_text().count("is handed out") if log.exists() else 0
        return bool(victims.find(self._commands, "worker")) and handed_out > victims.recorded(self.run)

    def _leave_nothing(self) -> None:
        """Count what is there when all is over, after what ends by itself has had its time."""
        wait_until(lambda: not self._commands.alive(), seconds=30)
        self.counts.processes += len(self._commands.alive())
        self.counts.files += len(list(self._commands.temporary.iterdir()))


def campaign(
    commands: Processes, folder: Path, measured: victims.Measured, *, pool: str, sampler: str, kills: int
) -> None:
    """So many kills, in as many searches as that takes: one may be over before the last of them."""
    for number in range(kills):
        keys: dict[str, Any] = {"kills": kills, "seed": SEED + number, "name": f"small-{number}"}
        found = Campaign(commands, folder, pool=pool, sampler=sampler, **keys)
        counts = found.go()
        measured(f"{pool}, {sampler}, seed {SEED + number}: {counts}")
        assert counts.kills, "the search was over before it could be killed"
        victims.assert_complete(found.run, trials=TRIALS)
        if sampler in ("random", "grid"):
            assert victims.tables(found.run) == victims.tables(found.alone)
        assert (counts.tracebacks, counts.processes, counts.files) == (0, 0, 0), str(counts)
        kills -= counts.kills.total()
        if not kills:
            break


def test_a_few_kills(commands: Processes, tmp_path: Path, measured: victims.Measured) -> None:
    """The short form: the search, a worker, and what workers are forked from."""
    campaign(commands, tmp_path, measured, pool="local", sampler="random", kills=3)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("sampler", ["random", "grid", "tpe"])
def test_kills_without_ray(sampler: str, commands: Processes, tmp_path: Path, measured: victims.Measured) -> None:
    campaign(commands, tmp_path, measured, pool="local", sampler=sampler, kills=10)


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("sampler", ["random", "grid", "tpe"])
def test_kills_with_ray(sampler: str, commands: Processes, tmp_path: Path, measured: victims.Measured) -> None:
    campaign(commands, tmp_path, measured, pool="ray", sampler=sampler, kills=9)
