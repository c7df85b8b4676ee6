"""A raylet without its two agents, whose workers are forked.

Each agent is a Python that imports Ray, and the raylet waits for its port before it is there. One serves the dashboard
and metrics, the other makes environments for workers; a search of this machine has neither. All of this is private to
Ray. With a version that was not tried, or where the user asks for an environment, all is started as Ray does it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import ray
from ray._private import ray_constants

from fcsearch.search.ray_pool import stand_in, worker_start
from fcsearch.search.ray_pool.local_ray import environment, replaced

_raylet: Any = importlib.import_module("ray._raylet")
_services: Any = importlib.import_module("ray._private.services")

# Options of the raylet, and the ports that it reads from files.
COMMANDS = ("dashboard_agent_command", "runtime_env_agent_command")
PORTS = (
    "METRICS_AGENT_PORT_NAME",
    "METRICS_EXPORT_PORT_NAME",
    "DASHBOARD_AGENT_LISTEN_PORT_NAME",
    "RUNTIME_ENV_AGENT_PORT_NAME",
)
_PROGRAM = Path(str(ray_constants.__file__)).with_name("workers") / "default_worker.py"
_WORKERS = "--python_worker_command="
# As Ray's agents say it where they are installed without what they need.
_NOT_IN_USE = -1
# The versions with which a raylet was seen to work without its agents; another may insist on them.
_TRIED = ("2.60.",)
# Variables by which a user, or a job of a cluster, asks for an environment.
ENVIRONMENTS = ("RAY_RUNTIME_ENV_HOOK", "RAY_JOB_CONFIG_JSON_ENV_VAR")


def can_be_lean() -> bool:
    """Whether a raylet can be started without its agents here."""
    parts = [(_raylet, (*PORTS, "persist_port")), (_services, ("start_ray_process",))]
    parts += [(ray_constants, ("PROCESS_TYPE_RAYLET", "RAY_ENABLE_UV_RUN_RUNTIME_ENV"))]
    asked = any(name in os.environ for name in ENVIRONMENTS)
    known = sys.platform == "linux" and ray.__version__.startswith(_TRIED)
    return known and not asked and all(hasattr(owner, name) for owner, names in parts for name in names)


def forking(path: Path) -> AbstractContextManager[None]:
    """Within this block a lean raylet has its workers forked by who listens there."""
    return environment({worker_start.FORKS: str(path), worker_start.PROGRAM: str(_PROGRAM)})


@contextlib.contextmanager
def lean_raylet() -> Iterator[None]:
    """Start Ray within this block, with processes in place of the agents that only wait for its end."""
    starting = replaced(_services, "start_ray_process", _starting(_services.start_ray_process))
    # `uv run` would ask for an environment. The workers' Python is that of this process anyway.
    with starting, replaced(ray_constants, "RAY_ENABLE_UV_RUN_RUNTIME_ENV", False):
        yield


def _starting(start: Callable[..., Any]) -> Callable[..., Any]:
    """Ray's function that starts its processes, for a raylet without agents."""

    def started(command: Sequence[str], process_type: str, *arguments: Any, **options: Any) -> Any:
        if process_type == ray_constants.PROCESS_TYPE_RAYLET:
            command = lean_command(command)
        return start(command, process_type, *arguments, **options)

    return started


def lean_command(command: Sequence[str]) -> Sequence[str]:
    """A raylet's command without its agents, whose ports are written; the same where it has other options.

    Where workers are forked, it starts what asks for that, in place of Ray's worker program.
    """
    options = dict(word[2:].split("=", 1) for word in command if word.startswith("--") and "=" in word)
    if not {*COMMANDS, "session_dir", "node_id"} <= options.keys():
        return command
    for name in PORTS:
        _raylet.persist_port(options["session_dir"], options["node_id"], getattr(_raylet, name), _NOT_IN_USE)
    waiting = subprocess.list2cmdline([sys.executable, "-I", "-S", str(Path(stand_in.__file__))])
    replaced = {f"--{name}={options[name]}": f"--{name}={waiting}" for name in COMMANDS}
    lean = [replaced.get(word, word) for word in command]
    starter = str(Path(worker_start.__file__))
    # With a space it would have to be quoted as the other was.
    if worker_start.FORKS not in os.environ or " " in starter:
        return lean
    return [word.replace(str(_PROGRAM), starter) if word.startswith(_WORKERS) else word for word in lean]
