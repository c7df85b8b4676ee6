"""Runs fcsearch and the peers as their users do, each in a process of its own, and reads what came of it."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from fcsearch.results import open_run

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# One thread a process: all of them run a process a core.
THREADS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# A searcher that takes this many seconds hangs.
PATIENCE = 1800

# How each is started; what stands behind the name of its script are options.
PEERS = {
    "ray": ("ray_tune.py",),
    "ray-reuse": ("ray_tune.py", "--reuse-actors"),
    "ray-reuse-end": ("ray_tune.py", "--reuse-actors", "--report", "end"),
    "optuna": ("optuna_alone.py",),
    "sklearn": ("sklearn_mlp.py",),
}
FCSEARCH = {
    "fcsearch": (),
    "fcsearch-local": ("--pool", "local"),
    "fcsearch-random": ("--set", "sampler=random"),
}
SEARCHERS = (*FCSEARCH, *PEERS)
# fcsearch as it was, from a checkout of an earlier commit.
EARLIER = "fcsearch-earlier"
# What peers do not do either.
WITHOUT = ("--confirm", "--ensemble")


@dataclasses.dataclass(frozen=True)
class Job:
    """A search, for whoever does it.

    Attributes:
        space: The space file.
        trials: How many trials; None: until the time is up.
        time_budget: Seconds from the start of the command; None: no end.
        seed: Of the sampler and the trials.
        device: `cpu` or `cuda`.
        slots: Trials (fcsearch: packs) that train at a time; None: each one's own choice.
        early_stopping: By the space's own rule.
        trace: Where a peer writes down its improvements, with their test scores; None: nowhere.
        checkout: The files of the commit that EARLIER is.
    """

    space: Path
    trials: int | None
    time_budget: float | None = None
    seed: int = 0
    device: str = "cpu"
    slots: int | None = None
    early_stopping: bool = False
    trace: Path | None = None
    checkout: Path | None = None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a search.

    Attributes:
        seconds: Wall time of the whole command.
        trials: Start and end of each trial, and its best validation accuracy (None if it has none).
    """

    seconds: float
    trials: tuple[tuple[float, float, float | None], ...]

    @property
    def training_seconds(self) -> float:
        """From the start of the first trial to the end of the last: without start-up and report."""
        return max(ended for _, ended, _ in self.trials) - min(began for began, _, _ in self.trials)

    @property
    def best(self) -> float:
        """The best validation accuracy."""
        return max((accuracy for *_, accuracy in self.trials if accuracy is not None), default=0.0)


def run_searcher(name: str, job: Job) -> Outcome:
    """Run one of SEARCHERS, or EARLIER, in a process of its own."""
    if name == EARLIER or name in FCSEARCH:
        return run_fcsearch(job, *FCSEARCH.get(name, ()), checkout=job.checkout if name == EARLIER else None)
    seconds, output = run(peer_command(name, job))
    return Outcome(seconds, tuple(tuple(trial) for trial in json.loads(output.splitlines()[-1])["trials"]))


def peer_command(name: str, job: Job) -> list[object]:
    """The command that runs one of PEERS."""
    script, *options = PEERS[name]
    arguments = ["--space", job.space, "--seed", job.seed, "--device", job.device, *options]
    arguments += ["--slots", job.slots] if job.slots else []
    arguments += ["--trials", job.trials] if job.trials else []
    arguments += ["--time-budget", job.time_budget] if job.time_budget else []
    arguments += ["--early-stopping"] if job.early_stopping else []
    arguments += ["--trace", job.trace] if job.trace else []
    return [sys.executable, HERE / script, *arguments]


def run_fcsearch(job: Job, *options: str, checkout: Path | None = None) -> Outcome:
    """Run `fcsearch run`, of this commit or of a checkout, and read its trials from the run directory."""
    command: list[object] = [sys.executable, "-P", "-m", "fcsearch", "run"]
    # Ray's workers import what is in the folder where a command was started first.
    place = (checkout or ROOT).resolve()
    folders = {"PYTHONPATH": str(place)}
    with tempfile.TemporaryDirectory(prefix="fcsearch-bench-") as folder:
        arguments = ["--space", job.space, "--seed", job.seed, "--out", folder, "--name", "run", "--quiet", *options]
        known = run([*command, "--help"], folders, folder=place)[1] if checkout else " ".join(WITHOUT)
        for option in WITHOUT:
            arguments += [option, "0"] if option in known else []
        arguments += ["--workers", job.slots] if job.slots else []
        arguments += ["--trials", job.trials] if job.trials else []
        arguments += ["--gpus-per-worker", "0"] if job.device == "cpu" else []
        seconds, _ = run([*command, *arguments], folders, folder=place)
        trials = open_run(Path(folder) / "run").trials
        columns = trials.select(["started_at", "finished_at", "val_accuracy"]).to_pylist()
    records = ((row["started_at"].timestamp(), row["finished_at"].timestamp(), row["val_accuracy"]) for row in columns)
    return Outcome(seconds, tuple(records))


def run(
    command: Sequence[object], variables: Mapping[str, str] | None = None, *, folder: Path = ROOT
) -> tuple[float, str]:
    """Run a command in a folder, with these environment variables too; return its seconds, and its output.

    Raises:
        click.ClickException: it failed, or hangs.
    """
    words = [str(word) for word in command]
    began = time.perf_counter()
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, **THREADS, **(variables or {})},
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise click.ClickException(f"{' '.join(words)} hangs") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise click.ClickException(f"{' '.join(words)} exited with {process.returncode}:\n{errors[-4000:]}")
    return seconds, output
