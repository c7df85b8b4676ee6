"""Ray for the time of a search: started on this machine, or a cluster that runs already."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ray

from fcsearch.errors import UsageError
from fcsearch.search.placement import Node

_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray's future default, and a warning at every start without it. A worker looks at what it was given instead.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Tune's actors have an environment of their own: none would run in a process that Ray starts ahead.
    "RAY_prestart_worker_first_driver": "0",
}

_CONNECT_SECONDS = 5.0

# The path of a socket has at most so many bytes, of which Ray's own names below its folder take the second number.
_SOCKET_BYTES = 103 if sys.platform == "darwin" else 107
_RAYS_BYTES = len("/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store")


@contextlib.contextmanager
def ray_session(address: str | None, local: Node) -> Iterator[list[Node]]:
    """Connect to Ray, and leave nothing of it behind.

    If the program has connected to Ray before, that connection is used and left alone.

    Args:
        address: `host:port` of a cluster; None: Ray is started on this machine.
        local: What Ray may use of this machine, if it is started.

    Yields:
        The machines of the cluster.

    Raises:
        UsageError: no cluster answers at the address.
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
        yield _nodes()
        return
    with contextlib.ExitStack() as stack:
        stack.enter_context(environment(_SETTINGS))
        folder = stack.enter_context(ray_folder()) if address is None else None
        stack.callback(ray.shutdown)
        _connect(address, local, folder)
        yield _nodes()


@contextlib.contextmanager
def ray_folder() -> Iterator[Path]:
    """A folder for the sockets and logs of one local Ray, removed at the end.

    It is made where `RAY_TMPDIR` says, else in the temporary folder. Where that path is too long for a socket, it is
    made in /tmp.

    Raises:
        UsageError: none of these can be written.
    """
    folder = _make_folder([os.environ.get("RAY_TMPDIR"), tempfile.gettempdir(), "/tmp"])
    try:
        yield folder
    finally:
        # Ray's agents outlive it by a moment, and may write while the first attempt removes.
        for _ in range(3):
            shutil.rmtree(folder, ignore_errors=True)


def _make_folder(places: Sequence[str | None]) -> Path:
    room = _SOCKET_BYTES - _RAYS_BYTES - len("/fcsearch-12345678")
    problem: object = "only longer ones"
    for place in filter(None, places):
        if len(os.fsencode(place)) <= room:
            try:
                return Path(tempfile.mkdtemp(prefix="fcsearch-", dir=place))
            except OSError as error:
                problem = error
    raise UsageError(
        f"Ray needs a folder for its sockets, whose path has at most {room} bytes; found {problem}; set RAY_TMPDIR to "
        "one that can be written"
    )


@contextlib.contextmanager
def environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the time of the block."""
    kept = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _connect(address: str | None, local: Node, folder: Path | None) -> None:
    if address is None:
        # Without the word `local` Ray would join any cluster that it finds on this machine.
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
        return
    try:
        ray.init(address=address, configure_logging=False, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError, SystemExit) as error:
        # Ray ends the process, by SystemExit, where a cluster stops answering.
        raise UsageError(
            f"the Ray cluster at {address} must let this machine in; found: {str(error).splitlines()[0]}; if it asks "
            "for a token, as Ray's clusters do by default, set RAY_AUTH_MODE=token and copy ~/.ray/auth_token from its "
            "head; its versions of Ray and Python must be the same as here"
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


def _nodes() -> list[Node]:
    list_nodes: Callable[[], list[dict[str, Any]]] = ray.nodes
    alive = [node["Resources"] for node in list_nodes() if node["Alive"]]
    return [Node(cpus=resources.get("CPU", 0), gpus=resources.get("GPU", 0)) for resources in alive]
