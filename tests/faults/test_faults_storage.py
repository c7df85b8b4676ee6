"""Storage and memory that fail a search: a disk that is full, one that may only be read, a worker without memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import victims
from search_helpers import make_space
from search_processes import Processes, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

needs_mounts = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None,
    reason="mounting a small disk needs root on Linux",
)
TRIALS = 40
OPTIONS = ("--space", "space.yaml", "--confirm", "0", "--pool", "local", "--workers", "1", "--pack-size", "1")


@contextlib.contextmanager
def mounted(*words: str, on: Path) -> Iterator[None]:
    done = subprocess.run(["mount", *words, str(on)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(on)], check=True, capture_output=True)


@pytest.fixture
def undisturbed(commands: Processes, tmp_path: Path) -> Path:
    """A whole run of the space, which the disturbed ones are to equal."""
    parameters = {"learning_rate": {"low": 1e-3, "high": 0.3, "log": True}, "hidden_dim": 8, "epochs": 100}
    make_space(tmp_path, trials=TRIALS, parameters=parameters, dataset={"source": "digits", "num_train": 300})
    assert commands.run("run", *OPTIONS, "--name", "alone", timeout=300) == 0, commands.err
    return tmp_path / "runs" / "alone"


def assert_ended_with_a_remedy(commands: Processes, run: str, found: str) -> None:
    assert found in commands.err.splitlines()[-1]
    assert f"continue with `fcsearch resume {run}`" in commands.err.splitlines()[-1]
    assert "Traceback" not in commands.err + commands.out


@needs_mounts
def test_a_full_disk_ends_the_search_and_resume_goes_on_once_there_is_room(
    commands: Processes, undisturbed: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=16m", "tmpfs", on=disk):
        run = disk / "full"
        search = commands.start("run", *OPTIONS, "--out", "disk", "--name", "full")
        wait_for(lambda: victims.recorded(run) >= 3, seconds=240)
        with (disk / "filler").open("wb", buffering=0) as filler:
            while search.poll() is None:
                # What the search frees is taken, too.
                with contextlib.suppress(OSError):
                    filler.write(bytes(4096))
        assert search.returncode == 1, commands.err
        assert_ended_with_a_remedy(commands, "disk/full", "No space left on device")
        assert 0 < len(victims.tables(run)[0]) < TRIALS
        (disk / "filler").unlink()
        assert commands.run("resume", "disk/full", timeout=300) == 0, commands.err
        victims.assert_complete(run, trials=TRIALS)
        assert victims.tables(run) == victims.tables(undisturbed)


@needs_mounts
def test_storage_that_may_only_be_read_for_a_while(commands: Processes, undisturbed: Path, tmp_path: Path) -> None:
    runs = tmp_path / "kept"
    runs.mkdir()
    search = commands.start("run", *OPTIONS, "--out", "kept", "--name", "small")
    wait_for(lambda: victims.recorded(runs / "small") >= 3, seconds=240)
    # The same files by another mount, which the search meets with the next file that it opens.
    with mounted("--bind", str(runs), on=runs):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(runs)], check=True, capture_output=True)
        assert search.wait(timeout=240) == 1, commands.err
        assert_ended_with_a_remedy(commands, "kept/small", "Read-only file system")
        # Still: nothing can be done, and it says so.
        assert commands.run("resume", "kept/small") == 2
        assert "Read-only file system" in commands.err
        assert "Traceback" not in commands.err
        assert commands.run("report", "kept/small") == 0, commands.err
    assert commands.run("resume", "kept/small", timeout=300) == 0, commands.err
    victims.assert_complete(runs / "small", trials=TRIALS)
    assert victims.tables(runs / "small") == victims.tables(undisturbed)


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="prlimit belongs to Linux")
def test_a_worker_that_runs_out_of_memory_costs_its_own_trials_alone(commands: Processes, tmp_path: Path) -> None:
    # Nobody but the system knows of the limit: the estimate of a trial's memory is wrong.
    parameters = {
        "learning_rate": {"choices": [0.1, 0.2]},
        "hidden_dim": {"choices": [8, 30_000]},
        "depth": 3,
        "epochs": 1,
    }
    make_space(
        tmp_path, sampler="grid", trials=4, parameters=parameters, dataset={"source": "digits", "num_train": 200}
    )
    limit = ("prlimit", f"--as={6 * 2**30}")
    options = (*OPTIONS[:-1], "4")
    assert commands.run("run", *options, prefix=limit, timeout=600) == 0, commands.err
    rows = victims.tables(tmp_path / "runs" / "small")[0]
    assert {(row["hidden_dims"] == [8, 8], row["state"]) for row in rows} == {(True, "complete"), (False, "failed")}
    failed = [row["error"] for row in rows if row["state"] == "failed"]
    assert len(failed) == 2
    assert all("memory" in text and "\n" not in text for text in failed)
    assert "Traceback" not in commands.err
