"""The processes of a search by what they do, and what must hold of its run directory when all is over."""

import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from search_processes import Processes

from fcsearch.results import RunDirectory

# Takes a line on what was measured.
Measured = Callable[[str], None]

# Of a row: what differs from run to run.
MOVING = ("train_seconds", "started_at", "finished_at", "pack_id", "node", "device", "run")


def find(commands: Processes, kind: str) -> list[int]:
    """The processes of a kind: `search`, `fork server`, `worker`, `ray` (its driver), `raylet`, `gcs_server`."""
    alive = commands.alive()
    if kind == "worker":
        servers = find(commands, "fork server")
        ours = [number for number, text in alive.items() if "local_pool.fork_server" in text]
        forked = [number for number in ours if number not in servers]
        return forked or [number for number, text in alive.items() if text.startswith("ray::PackWorker")]
    if kind == "fork server":
        return [
            number
            for number, text in alive.items()
            if "local_pool.fork_server" in text and "local_pool.fork_server" not in alive.get(parent_of(number), "")
        ]
    marks = {
        "search": " -m fcsearch ",
        "ray": "ray_pool.driver import main",
        "raylet": "/raylet ",
        "gcs_server": "/gcs_server ",
    }
    return [number for number, text in alive.items() if marks[kind] in text[:2000] and not text.startswith("ray::")]


def parent_of(number: int) -> int:
    """The parent of a process; 0 once it is gone."""
    with contextlib.suppress(OSError, ValueError):
        return int(Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[1])
    return 0


def send(number: int, what: signal.Signals) -> bool:
    """Send a signal; whether the process was still there."""
    try:
        os.kill(number, what)
    except ProcessLookupError:
        return False
    return True


def trained(run: Path) -> int:
    """How many packs have begun to train, by the log."""
    log = run / "log.txt"
    return log.read_text(errors="replace").count(" trains on ") if log.exists() else 0


def recorded(run: Path) -> int:
    """How many packs have their rows."""
    return len(list((run / "trials").glob("pack-*.parquet")))


def tables(run: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Trials and epochs, but for times, places and packs."""
    found = RunDirectory.open(run)
    return found.trials().drop_columns(list(MOVING)).to_pylist(), found.epochs().drop_columns(
        ["seconds", "run"]
    ).to_pylist()


def assert_complete(run: Path, *, trials: int) -> None:
    """Exactly so many trials, none twice, no gap, and the epochs of each in order."""
    found = RunDirectory.open(run)
    rows = found.trials().to_pylist()
    assert [row["trial_id"] for row in rows] == list(range(trials))
    epochs = [(row["trial_id"], row["epoch"]) for row in found.epochs().to_pylist()]
    assert epochs == [(row["trial_id"], epoch) for row in rows for epoch in range(1, row["epochs_run"] + 1)]
    assert found.state() == "complete"


def tracebacks(texts: Sequence[str]) -> int:
    """How many tracebacks reached a user."""
    return sum(text.count("Traceback") for text in texts)
