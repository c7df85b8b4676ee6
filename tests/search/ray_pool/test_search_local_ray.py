"""The Ray of a local search: on the loopback alone, behind a token of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from search_helpers import make_space
from search_processes import Processes, wait_for

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(sys.platform != "linux", reason="what processes listen on is read from /proc, on Linux"),
]

_LISTENS = "0A"
_LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}

CLIENT = """
import sys, ray
try:
    ray.init(address=sys.argv[1], configure_logging=False, log_to_driver=False)
    print("let in:", ray.get(ray.remote(num_cpus=0)(lambda: 6 * 7).remote()))
except Exception as error:
    print("refused:", type(error).__name__)
"""


def listening(process: int) -> dict[str, int]:
    """The addresses on which a process listens, in hexadecimal as the kernel writes them, and the last port of each."""
    links = (str(file.readlink()) for file in Path(f"/proc/{process}/fd").iterdir() if file.is_symlink())
    sockets = {found[1] for link in links if (found := re.fullmatch(r"socket:\[(\d+)]", link))}
    ports = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == _LISTENS and rest[5] in sockets:
                address, port = local.split(":")
                ports[address] = int(port, 16)
    return ports


def environment_of(process: int) -> dict[str, str]:
    """The environment that a process was started with."""
    return dict(line.split("=", 1) for line in Path(f"/proc/{process}/environ").read_text().split("\0") if "=" in line)


@pytest.fixture
def home(commands: Processes, tmp_path: Path) -> Path:
    """A home without a token, for what is started."""
    folder = tmp_path / "home"
    folder.mkdir()
    commands.env["HOME"] = str(folder)
    return folder


@pytest.fixture
def searching(commands: Processes, home: Path, tmp_path: Path) -> Iterator[dict[int, str]]:
    """The processes of a search whose workers train."""
    make_space(tmp_path, trials=2, parameters={"learning_rate": 0.1, "epochs": 1_000_000, "hidden_dim": 16})
    # A user who has turned tokens off for clusters has not done so for what a search starts.
    commands.env["RAY_AUTH_MODE"] = "disabled"
    driver = commands.start("run", "--space", "space.yaml", "--workers", "1")
    log = tmp_path / "runs" / "small" / "log.txt"
    wait_for(lambda: log.exists() and " trains on " in log.read_text())
    yield commands.alive()
    os.killpg(driver.pid, signal.SIGINT)
    assert driver.wait(timeout=40) == 130, commands.err
    assert not (home / ".ray").exists()


def answer(commands: Processes, address: str, **token: str) -> str:
    """What a client of Ray that has this token is told."""
    env = {name: value for name, value in commands.env.items() if not name.startswith("RAY_AUTH")}
    # A client that is told of the loopback asks the outer address, and a client that is refused asks 20 times.
    env.update({"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_NUM_REDIS_GET_RETRIES": "1"})
    words = [sys.executable, "-c", CLIENT, address]
    done = subprocess.run(words, env={**env, **token}, cwd=commands.folder, capture_output=True, text=True, timeout=60)
    return done.stdout.strip()


def test_ray_listens_on_the_loopback_and_asks_for_the_token_of_the_search(
    searching: dict[int, str], commands: Processes
) -> None:
    found = {command.split()[0]: listening(process) for process, command in searching.items()}
    assert [command for command in found if command.endswith("/gcs_server")]
    assert [command for command in found if command.endswith("/raylet")]
    parts = ("dashboard/dashboard.py", "_private/monitor.py", "log_monitor.py")
    assert not [command for command in searching.values() if any(part in command for part in parts)]
    assert {name: set(ports) - _LOOPBACK for name, ports in found.items() if set(ports) - _LOOPBACK} == {}

    gcs = next(process for process, command in searching.items() if command.split()[0].endswith("/gcs_server"))
    [port] = listening(gcs).values()
    address = f"127.0.0.1:{port}"
    assert answer(commands, address).startswith("refused")
    assert answer(commands, address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="0" * 64).startswith("refused")
    token = environment_of(gcs)["RAY_AUTH_TOKEN"]
    assert len(token) == 64
    assert answer(commands, address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=token) == "let in: 42"
