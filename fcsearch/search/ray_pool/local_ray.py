"""A private Ray on this machine: it listens only on the loopback address, and demands a token."""

from __future__ import annotations

import contextlib
import importlib
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from ray._private import ray_constants

# Its stub file leaves out what is used here.
_raylet: Any = importlib.import_module("ray._raylet")


@contextlib.contextmanager
def private_ray() -> Iterator[None]:
    """Start Ray within this block, by `ray.init(address="local")`, and end it there.

    The token is new each time, and lives in the environment of Ray's processes alone: `~/.ray` is neither read nor
    written.
    """
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    try:
        with environment(token), _on_loopback():
            _read_environment()
            yield
    finally:
        _read_environment()


def _read_environment() -> None:
    """Have Ray forget the token and the mode that it read from the environment before."""
    # In this order: a thread of Ray's that still ends would look for a token in vain, and end the process.
    _raylet.Config.initialize("")
    _raylet.AuthenticationTokenLoader.instance().reset_cache()


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


@contextlib.contextmanager
def replaced(owner: Any, name: str, stand_in: Any) -> Iterator[None]:
    """Put something in the place of a part of Ray for the time of the block."""
    kept = getattr(owner, name)
    setattr(owner, name, stand_in)
    try:
        yield
    finally:
        setattr(owner, name, kept)


def _on_loopback() -> AbstractContextManager[None]:
    """Have Ray take 127.0.0.1 for the address of this machine; all its servers then listen there.

    Ray does so by itself where it forms no clusters: on macOS and Windows. It replaces a `_node_ip_address` of
    127.0.0.1 by an outer address elsewhere, so that this constant is the only way.
    """
    return replaced(ray_constants, "ENABLE_RAY_CLUSTER", False)
