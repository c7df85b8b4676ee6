"""A Ray of this machine without the parts that a search does not use, started without its pauses.

All of this is private to Ray. If a version lacks one of these parts, Ray's own way is used: slower, but correct.
"""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ray._private.node import Node

from fcsearch.search.ray_pool.local_ray import replaced
from fcsearch.search.ray_pool.raylet_command import can_be_lean, lean_raylet

_services: Any = importlib.import_module("ray._private.services")
_state: Any = importlib.import_module("ray._private.state")

# The server of the dashboard, which starts without a dashboard too; what starts nodes in a cloud; what brings the
# workers' output to the driver. Each is a Python of its own, and two of them take a second to end.
UNUSED = ("start_api_server", "start_monitor", "start_log_monitor")

_LOOK_SECONDS = 0.01
# After that Ray's own way takes over.
_PATIENCE_SECONDS = 10.0


@contextlib.contextmanager
def lean_ray() -> Iterator[None]:
    """Start Ray within this block, by `ray.init(address="local")`, and no more of it than is needed."""
    with contextlib.ExitStack() as stack:
        for name in UNUSED:
            if hasattr(Node, name):
                stack.enter_context(replaced(Node, name, _start_nothing))
        if can_look():
            stack.enter_context(replaced(_services, "get_node", _soon(_services.get_node)))
        if can_be_lean():
            stack.enter_context(lean_raylet())
        yield


def can_look() -> bool:
    """Whether this Ray has what `get_node` is replaced by."""
    return (
        hasattr(_services, "get_node")
        and hasattr(_services, "_get_gcs_client_options")
        and hasattr(_state, "GlobalState")
        and all(hasattr(_state.GlobalState, name) for name in ("_initialize_global_state", "node_table"))
    )


def _start_nothing(_node: Node, *_: Any, **__: Any) -> None:
    """Stand for a part that is not started."""


def _soon(get_node: Callable[[str, str], Mapping[str, Any]]) -> Callable[[str, str], Mapping[str, Any]]:
    """Ray's `get_node`, asked when the node is there: where it is not, that function sleeps for a second."""

    def found(address: str, node_id: str) -> Mapping[str, Any]:
        state = _state.GlobalState()
        state._initialize_global_state(_services._get_gcs_client_options(address))
        end = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < end and node_id not in {node["NodeID"] for node in state.node_table()}:
            time.sleep(_LOOK_SECONDS)
        return get_node(address, node_id)

    return found
