"""Who takes part in the curve of quality over time, and how each is run and measured."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import pandas as pd
from over_time_datasets import Question
from peers.improvements import Improvement, read
from peers.launch import ROOT, THREADS, Job, peer_command
from real_tables import score
from tables_peers import PeerError, learn

# A step of a curve: seconds since the command was started, and the test figure of the best network known then.
Point = tuple[float, float]
Piece = dict[str, Any]
# How long a peer has to end itself, workers and all, when it is told to; far more than it needs.
GRACE = 60.0
# How long a measurement of test rows that has begun in time may take.
LAST = 2.0
# A peer's own end, as a multiple of its seconds: it never comes.
FAR = 100


@dataclasses.dataclass(frozen=True)
class Contestant:
    """One that takes part.

    Attributes:
        what: In words.
        run: Answers a question with a seed within so many seconds; the last argument is pytabkit's interpreter. None:
            it cannot.
        least: It takes part from so many seconds on.
        commands: Whether each time is a command of its own; else one command of the longest time tells of all.
        tables: Whether it takes tables alone.
        bounded: Whether it keeps to its time.
    """

    what: str
    run: Callable[[Question, int, float, str], Piece | None]
    least: float = 0.0
    commands: bool = False
    tables: bool = False
    bounded: bool = True


def ours(*options: str) -> Callable[[Question, int, float, str], Piece | None]:
    """fcsearch: the whole command, and what its report says of the test rows, by the winner and by the ensemble."""

    def run(question: Question, seed: int, seconds: float, _: str) -> Piece | None:
        command: list[object] = [sys.executable, "-m", "fcsearch", "run", question.ours, "--seed", seed, *options]
        command += ["--out", question.folder, "--name", f"run-{time.time_ns()}", "--quiet"]
        # Without an end of its own a search ends with its time; the rest of the seconds is for the process to end.
        command += ["--trials", 10**6, "--time-budget", f"{0.94 * seconds - 0.1:.2f}s", "--gpus-per-worker", 0]
        began = time.perf_counter()
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=ROOT, env=_environment())
        took = time.perf_counter() - began
        if done.returncode == 1 and "no trial ended within the time budget" in done.stderr:
            return {"points": [], "ensemble": [], "seconds": took, "trials": 0}
        if done.returncode:
            raise click.ClickException(f"{' '.join(map(str, command))} exited with {done.returncode}:\n{done.stderr}")
        report = json.loads((Path(done.stdout.splitlines()[-1]) / "report.json").read_text())
        ensemble = (report["ensemble"] or {}).get("test")
        return {
            "points": [(took, report["test"]["measurement"]["value"])],
            "ensemble": [(took, ensemble["value"])] if ensemble else [],
            "seconds": took,
            "trials": sum(count for state, count in report["work"]["counts"].items() if state != "unfinished"),
            "confirmed": report["confirmation"] is not None,
        }

    return run


def peer(name: str) -> Callable[[Question, int, float, str], Piece | None]:
    """A peer that writes down its improvements, by epochs: as if each epoch that is better than all had been saved."""

    def run(question: Question, seed: int, seconds: float, _: str) -> Piece | None:
        trace = question.folder / f"trace-{time.time_ns()}"
        # It is ended from outside: an end of its own would count the seconds of measuring test rows.
        job = Job(question.peers, None, time_budget=FAR * seconds, seed=seed, early_stopping=True, trace=trace)
        began = time.time()
        run_for(peer_command(name, job), seconds, question.folder, trace)
        took = time.time() - began
        return {"points": steps(read(trace), began, seconds, question), "seconds": took}

    return run


def steps(found: Sequence[Improvement], began: float, seconds: float, question: Question) -> list[Point]:
    """Several processes' improvements, in order, as those of all: test figures of the best by the validation rows.

    Only the first so many seconds count, on each process's own clock.
    """
    points, best = [], float("-inf")
    for moment, val, test, _ in found:
        if val > best and test is not None and moment - began <= seconds:
            best = val
            points.append((moment - began, question.figure(test)))
    return points


def pytabkit(name: str) -> Callable[[Question, int, float, str], Piece | None]:
    """A fit of pytabkit's, which tells nothing before its end."""

    def run(question: Question, seed: int, seconds: float, python: str) -> Piece | None:
        assert question.frames is not None
        try:
            took, values, classes = learn(name, question.table, question.frames, seed, seconds, python)
        except PeerError as error:
            print(f"skipped: {name}: {error}")
            return None
        y = pd.read_parquet(question.frames[1])[question.table.label]
        figure = score(question.table, y, values, classes)[question.table.objective]
        return {"points": [(took, figure)], "seconds": took}

    return run


CONTESTANTS = {
    "fcsearch-local": Contestant("fcsearch, `--pool local`", ours("--pool", "local"), commands=True),
    "fcsearch": Contestant("fcsearch, with Ray", ours(), least=10.0, commands=True),
    "optuna": Contestant("Optuna: TPE, successive halving, a process per core", peer("optuna")),
    "ray-reuse": Contestant("Ray Tune: OptunaSearch, ASHA, reused actors", peer("ray-reuse")),
    "sklearn": Contestant("scikit-learn: HalvingRandomSearchCV", peer("sklearn")),
    "RealMLP": Contestant("pytabkit: RealMLP, its defaults", pytabkit("RealMLP"), tables=True, bounded=False),
    "RealMLP-HPO": Contestant("pytabkit: RealMLP_HPO", pytabkit("RealMLP HPO"), tables=True, bounded=False),
}


def run_for(command: Sequence[object], seconds: float, folder: Path, trace: Path) -> None:
    """Run a peer for so long, and for what its trace says it spent on test rows: what it knows later is not counted.

    Raises:
        click.ClickException: it failed before, or does not end.
    """
    errors = folder / "errors"
    with errors.open("w") as stream:
        process = subprocess.Popen(
            list(map(str, command)),
            stdout=subprocess.DEVNULL,
            stderr=stream,
            cwd=ROOT,
            env={**_environment(), "TMPDIR": str(folder), "RAY_TMPDIR": tempfile.gettempdir()},
            start_new_session=True,
        )
        try:
            code = _wait(process, seconds + LAST, trace)
        except subprocess.TimeoutExpired:
            code = 0
            process.terminate()
            try:
                process.wait(timeout=GRACE)
            except subprocess.TimeoutExpired:
                raise click.ClickException(f"{' '.join(map(str, command))} hangs") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if code:
        raise click.ClickException(f"{' '.join(map(str, command))} exited with {code}:\n{errors.read_text()[-4000:]}")


def _wait(process: subprocess.Popen[bytes], seconds: float, trace: Path) -> int:
    """The peer's exit code; TimeoutExpired once all of its processes have had so many seconds for their own work."""
    began = time.monotonic()
    spent = 0.0
    while True:
        try:
            return process.wait(timeout=began + seconds + spent - time.monotonic())
        except subprocess.TimeoutExpired:
            before, spent = spent, max((found.spent for found in read(trace)), default=0.0)
            if spent == before:
                raise


def _environment() -> dict[str, str]:
    return {**os.environ, **THREADS}
