"""Ends processes that Ray leaves behind when part of it dies."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

_PROCESSES = Path("/proc")


def can_end_sessions() -> bool:
    """Whether this system tells which processes are of a session."""
    return (_PROCESSES / "self" / "stat").exists()


def end_session(leader: int, *, but: int | None = None) -> None:
    """Kill the remaining processes of a session whose leader has ended, or is `but`.

    Ray's agents outlive their raylet for up to a minute, and its workers for some seconds. Only Linux lists its
    processes as files; elsewhere they end by themselves.

    Args:
        leader: The number of that process.
        but: A process that is spared: the caller, where it is of that session.
    """
    for entry in _PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getsid(int(entry.name)) == leader and int(entry.name) != but:
                os.kill(int(entry.name), signal.SIGKILL)
