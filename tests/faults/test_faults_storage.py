"""Storage and memory that fail a search: a disk that is full, one that may only be read, a worker without memory."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import victims
from search_helpers import make_space
from search_processes import Processes, processes, wait_for

from fcsearch.results import RunDirectory, read_status

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

needs_mounts = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None,
    reason="mounting a small disk needs root on Linux",
)
TRIALS = 40
READ_ONLY_SECONDS = 60
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


def write_space(folder: Path) -> None:
    parameters = {"learning_rate": {"low": 1e-3, "high": 0.3, "log": True}, "hidden_dim": 8, "epochs": 100}
    make_space(folder, trials=TRIALS, parameters=parameters, dataset={"source": "digits", "num_train": 300})


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run of the space, which the disturbed ones are to equal."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_space(folder)
    with processes(folder) as commands:
        assert commands.run("run", *OPTIONS, timeout=300) == 0, commands.err
    return folder / "runs" / "small"


class Full:
    """A small disk with a search on it, which is full once three packs have their rows."""

    def __init__(self, commands: Processes, disk: Path) -> None:
        self.run, self._filler = disk / "full", disk / "filler"
        self.search = commands.start("run", *OPTIONS, "--out", disk.name, "--name", "full")
        wait_for(lambda: self.search.poll() is not None or victims.recorded(self.run) >= 3, seconds=240)
        with self._filler.open("wb", buffering=0) as filler:
            # What the search frees is taken, too.
            while "cannot be written (No space left on device)" not in commands.err:
                assert self.search.poll() is None, commands.err
                with contextlib.suppress(OSError):
                    filler.write(bytes(4096))

    def free(self) -> None:
        self._filler.unlink()


@pytest.fixture
def full(commands: Processes, tmp_path: Path) -> Iterator[Full]:
    disk = tmp_path / "disk"
    disk.mkdir()
    write_space(tmp_path)
    with mounted("-t", "tmpfs", "-o", "size=16m", "tmpfs", on=disk):
        yield Full(commands, disk)
        commands.end()


@needs_mounts
def test_a_search_waits_while_its_disk_is_full_and_goes_on_once_there_is_room(
    commands: Processes, undisturbed: Path, full: Full
) -> None:
    waits = (
        r"since [\d:]{8} UTC disk/full cannot be written \(No space left on device\): free space there \(.* bytes are "
    )
    assert re.search(waits + r"free\); the search waits up to 10 min", commands.err)
    wait_for(lambda: re.search(waits, getattr(read_status(full.run), "waiting", None) or "") is not None)
    full.free()
    assert full.search.wait(timeout=300) == 0, commands.err
    assert "disk/full can be written again after" in commands.err
    assert "Traceback" not in commands.err + commands.out
    victims.assert_complete(full.run, trials=TRIALS)
    assert victims.tables(full.run) == victims.tables(undisturbed)


@needs_mounts
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_search_that_waits_for_its_disk_ends_when_it_is_told_to(
    number: signal.Signals, code: int, commands: Processes, undisturbed: Path, full: Full
) -> None:
    full.search.send_signal(number)
    assert full.search.wait(timeout=60) == code, commands.err
    assert "continue with `fcsearch resume disk/full`" in commands.err.splitlines()[-1]
    assert "Traceback" not in commands.err + commands.out
    assert RunDirectory.open(full.run).state() == "interrupted"
    full.free()
    assert commands.run("resume", "disk/full", timeout=300) == 0, commands.err
    victims.assert_complete(full.run, trials=TRIALS)
    assert victims.tables(full.run) == victims.tables(undisturbed)


@needs_mounts
def test_a_search_waits_while_its_storage_may_only_be_read_for_a_minute(
    commands: Processes, undisturbed: Path, tmp_path: Path
) -> None:
    runs = tmp_path / "kept"
    runs.mkdir()
    write_space(tmp_path)
    search = commands.start("run", *OPTIONS, "--out", "kept", "--name", "small")
    wait_for(lambda: victims.recorded(runs / "small") >= 3, seconds=240)
    # The same files by another mount, which the search meets with the next file that it opens.
    with mounted("--bind", str(runs), on=runs):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(runs)], check=True, capture_output=True)
        wait_for(lambda: "cannot be written (Read-only file system): make it writable" in commands.err, seconds=240)
        assert search.poll() is None, commands.err
        said = commands.err
        refused = time.monotonic()
        # A second search cannot begin there, and says so at once.
        assert commands.run("run", *OPTIONS, "--out", "kept", "--name", "other") == 2
        assert "Read-only file system" in commands.err
        assert "Traceback" not in said + commands.err
        assert commands.run("report", "kept/small") == 0, commands.err
        # Longer than the half minute after which other programs take the journal's lock for a dead one's.
        time.sleep(max(0.0, refused + READ_ONLY_SECONDS - time.monotonic()))
        assert search.poll() is None, said
    assert search.wait(timeout=300) == 0
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
