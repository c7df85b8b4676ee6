"""Workers of Ray are forked from one process; where they cannot be, each is a program of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fcsearch.search.ray_pool import raylet_command, worker_start
from fcsearch.search.ray_pool.forks import Forks
from fcsearch.search.ray_pool.session_folder import ray_folder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")

# In place of Ray's worker program: says whether it was forked, and what it was given.
PROGRAM = (
    "import os, sys, random\n"
    "import numpy as np\n"
    "print('torch' in sys.modules, os.environ['RAY_TEST'], *sys.argv[1:], flush=True)\n"
    "print(random.random(), np.random.random(), os.getpid(), flush=True)\n"
    "print(os.getpgrp(), open('/proc/self/oom_score_adj').read(), flush=True)\n"
    "sys.exit(3)\n"
)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "worker.py"
    path.write_text(PROGRAM)
    return path


def start(program: Path, forks: Path, *arguments: str) -> tuple[list[str], int]:
    """The lines that a worker has printed, and the exit code of what the raylet started."""
    variables = {worker_start.FORKS: str(forks), worker_start.PROGRAM: str(program), "RAY_TEST": "given"}
    words = [sys.executable, worker_start.__file__, *arguments]
    done = subprocess.run(words, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.splitlines(), done.returncode


def test_a_worker_is_forked_with_what_the_raylet_gave_it(program: Path) -> None:
    forks = Forks()
    with ray_folder() as folder, forks.listening(folder) as path:
        found = [start(program, path, "--number", str(number)) for number in range(2)]
        for number, (lines, code) in enumerate(found):
            assert lines[0] == f"True given --number {number}"
            assert code == 0
        # Each draws its own numbers.
        first, second = (lines[1].split() for lines, _ in found)
        assert all(one != other for one, other in zip(first, second, strict=True))
    # It ends with its line.
    assert forks._process.wait(30) == 0


def test_a_worker_takes_the_place_of_what_the_raylet_started(program: Path) -> None:
    # As a raylet starts its workers: each in a group of its own, and first to go where memory is short.
    starting = ["sh", "-c", 'echo 700 > /proc/self/oom_score_adj; echo $$; exec "$@"', "sh"]
    words = [*starting, sys.executable, worker_start.__file__]
    forks = Forks()
    with ray_folder() as folder, forks.listening(folder) as path:
        variables = {worker_start.FORKS: str(path), worker_start.PROGRAM: str(program), "RAY_TEST": "given"}
        done = subprocess.run(
            words, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True, check=True, process_group=0
        )
    assert forks._process.wait(30) == 0
    started, _, _, place, *_ = done.stdout.splitlines()
    assert place.split() == [started, "700"]


def test_who_has_waited_too_long_gets_no_worker_beside_itself(program: Path) -> None:
    forks = Forks()
    os.kill(forks._process.pid, signal.SIGSTOP)
    with ray_folder() as folder, forks.listening(folder) as path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line, (folder / "output").open("wb") as output:
            line.connect(str(path))
            socket.send_fds(line, [b"f"], [output.fileno()] * 3)
            request = [[], {**os.environ, worker_start.PROGRAM: str(program), "RAY_TEST": "late"}]
            line.sendall(json.dumps(request).encode())
        os.kill(forks._process.pid, signal.SIGCONT)
        # It serves one after another.
        assert start(program, path)[0][0] == "True given"
        assert (folder / "output").read_bytes() == b""
    assert forks._process.wait(30) == 0


def test_without_that_process_a_worker_is_a_program_of_its_own(program: Path, tmp_path: Path) -> None:
    lines, code = start(program, tmp_path / "nothing", "--number", "1")
    assert (lines[0], code) == ("False given --number 1", 3)


def test_a_process_that_has_died_is_not_waited_for(program: Path) -> None:
    forks = Forks()
    forks._process.kill()
    forks._process.wait()
    with ray_folder() as folder, forks.listening(folder) as path:
        lines, code = start(program, path)
    assert (lines[0], code) == ("False given", 3)


def test_it_ends_where_ray_does_not_start() -> None:
    forks = Forks()
    forks._line.close()
    assert forks._process.wait(60) == 0


def test_a_raylet_starts_what_asks_for_a_worker(tmp_path: Path) -> None:
    plain = f"--python_worker_command=python setup_worker.py {raylet_command._PROGRAM} --temp-dir=x"
    agents = [f"--{name}=agent" for name in raylet_command.COMMANDS]
    words = ["raylet", f"--session_dir={tmp_path}", "--node_id=f00", *agents, plain]
    assert raylet_command.lean_command(words)[-1] == plain
    with raylet_command.forking(tmp_path / "forks"):
        asking = raylet_command.lean_command(words)[-1]
        assert os.environ[worker_start.PROGRAM] == str(raylet_command._PROGRAM)
    assert asking == f"--python_worker_command=python setup_worker.py {worker_start.__file__} --temp-dir=x"
    # Where this fails, Ray has changed: each worker imports its libraries itself.
    assert raylet_command._PROGRAM.exists()
