"""A raylet of this machine does without its agents; what is private to Ray is still there."""

import select
import subprocess
import sys
from pathlib import Path

import pytest
import ray

from fcsearch.search.ray_pool import raylet_command, stand_in
from fcsearch.search.ray_pool.lean import lean_ray

COMMAND = ("raylet", "--session_dir={folder}", "--node_id=f00", "--labels=", "--head")
AGENTS = tuple(f"--{name}=python agent.py --node-id=f00" for name in raylet_command.COMMANDS)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Ray starts its agents")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in raylet_command.ENVIRONMENTS:
        monkeypatch.delenv(name, raising=False)


def command(folder: Path, *more: str) -> list[str]:
    return [word.format(folder=folder) for word in (*COMMAND, *more)]


def test_this_ray_has_all_that_is_used() -> None:
    # Where this fails, Ray has changed: searches start all the same, and slower.
    assert raylet_command.can_be_lean()


@pytest.mark.parametrize("version", ["2.59.0", "2.61.0", "3.0.0"])
def test_a_version_that_was_not_tried_is_started_as_it_is(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(ray, "__version__", version)
    assert not raylet_command.can_be_lean()


def test_both_agents_are_replaced_and_their_ports_are_not_in_use(tmp_path: Path) -> None:
    first, second = raylet_command.lean_command(command(tmp_path, *AGENTS))[-2:]
    waiting = f"{sys.executable} -I -S {stand_in.__file__}"
    assert [first, second] == [f"--{name}={waiting}" for name in raylet_command.COMMANDS]
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == ["-1"] * len(raylet_command.PORTS)


def test_a_raylet_with_other_options_is_started_as_it_is(tmp_path: Path) -> None:
    words = command(tmp_path, AGENTS[0])
    assert raylet_command.lean_command(words) == words
    assert list(tmp_path.iterdir()) == []


def test_only_the_raylet_is_started_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(raylet_command._services, "start_ray_process", lambda words, *_, **__: started.append(words))
    plain = raylet_command._services.start_ray_process
    words = command(tmp_path, *AGENTS)
    with lean_ray():
        for kind in ("gcs_server", "raylet"):
            raylet_command._services.start_ray_process(words, kind, fate_share=True)
    assert raylet_command._services.start_ray_process is plain
    assert started[0] == words
    assert started[1] == raylet_command.lean_command(words) != words


@pytest.mark.parametrize("name", raylet_command.ENVIRONMENTS)
def test_where_an_environment_is_asked_for_the_agents_stay(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = raylet_command._services.start_ray_process
    monkeypatch.setenv(name, "module.hook")
    with lean_ray():
        assert raylet_command._services.start_ray_process is plain


def test_a_ray_that_lacks_a_part_is_started_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(raylet_command._raylet, "persist_port")
    plain = raylet_command._services.start_ray_process
    with lean_ray():
        assert raylet_command._services.start_ray_process is plain


def test_what_stands_in_ends_with_the_raylet_though_nobody_waits_for_that() -> None:
    # It starts what stands in, as a raylet does, which tells its end by closing its output.
    program = (
        "import os, subprocess, sys\n"
        f"os.environ[{stand_in.RAYLET!r}] = str(os.getpid())\n"
        f"subprocess.Popen([sys.executable, '-I', '-S', {stand_in.__file__!r}])\n"
        "sys.stdin.read()\n"
    )
    raylet = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert not select.select([raylet.stdout], [], [], 0.5)[0]
    raylet.stdin.close()
    # Until here it has not been waited for: there is still such a process.
    assert select.select([raylet.stdout], [], [], 60)[0]
    assert raylet.stdout.read() == b""
    raylet.stdout.close()
    raylet.wait()
