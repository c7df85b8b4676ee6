"""Ray for the time of a search: started on this machine, or a cluster that runs already."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import ray

from fcsearch.errors import SearchError, UsageError
from fcsearch.search.planning.placement import Node
from fcsearch.search.ray_pool.causes import cause_of
from fcsearch.search.ray_pool.forks import Forks
from fcsearch.search.ray_pool.lean import lean_ray
from fcsearch.search.ray_pool.local_ray import environment, private_ray
from fcsearch.search.ray_pool.raylet_command import forking
from fcsearch.search.ray_pool.session_folder import ray_folder

_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray's future default, and a warning at every start without it. A worker looks at what it was given instead.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Processes that Ray starts ahead take time from those that import at the start: docs/performance.md.
    "RAY_prestart_worker_first_driver": "0",
    # Without its head a node waits this long, and then ends its processes: by default a minute.
    "RAY_gcs_rpc_server_reconnect_timeout_s": "10",
}

_CONNECT_SECONDS = 5.0


# What another start would most likely meet, too: a file that is missing or not permitted, a value that Ray refuses.
_LASTING = (ImportError, ValueError, FileNotFoundError, PermissionError)


class RayStartError(SearchError):
    """Ray could not be started on this machine.

    Attributes:
        cause: Why, in one line.
        may_pass: Whether another start may go better, as where a part of it died.
    """

    def __init__(self, cause: str, *, may_pass: bool) -> None:
        super().__init__(f"Ray must start on this machine; found: {cause}; see the run's log.txt")
        self.cause = cause
        self.may_pass = may_pass


@contextlib.contextmanager
def ray_session(
    address: str | None, local: Node, *, folder: Path | None = None, forks: Forks | None = None
) -> Iterator[list[Node]]:
    """Connect to Ray, and leave nothing of it behind.

    If the program has connected to Ray before, that connection is used and left alone.

    Args:
        address: `host:port` of a cluster; None: Ray is started on this machine.
        local: What Ray may use of this machine, if it is started.
        folder: Where it keeps its sockets and logs, if it is started; None: in a folder that is made and removed.
        forks: What its workers are forked from, if it is started; None: each imports its libraries.

    Yields:
        The machines of the cluster.

    Raises:
        UsageError: no cluster answers at the address.
        RayStartError: Ray does not start.
    """
    if address is not None:
        _require_answer(address)
    if ray.is_initialized():
        connected = ray.get_runtime_context().gcs_address
        if address not in (None, "auto", connected):
            raise UsageError(
                f"--address must be that of the cluster that this program is connected to; found {address!r}, and it "
                f"is connected to {connected}; leave the option out, or disconnect first (ray.shutdown())"
            )
        yield nodes_alive()
        return
    with contextlib.ExitStack() as stack:
        stack.enter_context(environment(_SETTINGS))
        if address is None:
            stack.enter_context(private_ray())
            stack.enter_context(lean_ray())
            folder = folder or stack.enter_context(ray_folder())
            if forks is not None:
                stack.enter_context(forking(stack.enter_context(forks.listening(folder))))
        stack.callback(ray.shutdown)
        _connect(address, local, folder)
        yield nodes_alive()


def _connect(address: str | None, local: Node, folder: Path | None) -> None:
    if address is None:
        # Without the word `local` Ray would join any cluster that it finds on this machine.
        try:
            ray.init(
                address="local",
                num_cpus=int(local.cpus),
                num_gpus=int(local.gpus),
                include_dashboard=False,
                configure_logging=False,
                log_to_driver=False,
                logging_level=logging.INFO,
                _temp_dir=str(folder),
            )
        except (Exception, SystemExit) as error:
            # Whatever it is: Ray has no error of its own for a raylet or a head that dies in between.
            cause = cause_of(str(error)) or type(error).__name__
            raise RayStartError(cause, may_pass=not isinstance(error, _LASTING)) from error
        return
    try:
        ray.init(address=address, configure_logging=False, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError, SystemExit) as error:
        # Ray ends the process, by SystemExit, where a cluster stops answering.
        raise UsageError(
            f"the Ray cluster at {address} must let this machine in; found: {str(error).splitlines()[0]}; if it asks "
            "for a token, set RAY_AUTH_MODE=token and copy ~/.ray/auth_token from its head; this machine must be one "
            "of its nodes (`ray start --address=HOST:PORT --num-cpus=0 --num-gpus=0` makes it one that trains "
            "nothing), with the same versions of Ray and Python"
        ) from error


def _require_answer(address: str) -> None:
    """Raise UsageError unless something listens at the address: Ray itself would try for minutes."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    found = "no port" if not port.isdigit() else None
    if found is None:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()
        except (OSError, OverflowError) as error:
            found = str(error)
    if found:
        raise UsageError(
            f"--address must be that of a running Ray cluster (host:port, as `ray start --head` prints it, or auto); "
            f"found {address!r}: {found}"
        )


def nodes_alive(*, but: Collection[str] = ()) -> list[Node]:
    """The machines of the cluster that Ray is connected to, now; without some of them, by Ray's names."""
    list_nodes: Callable[[], list[dict[str, Any]]] = ray.nodes
    alive = [node["Resources"] for node in list_nodes() if node["Alive"] and node["NodeID"] not in but]
    return [Node(cpus=resources.get("CPU", 0), gpus=resources.get("GPU", 0)) for resources in alive]
