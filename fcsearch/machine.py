"""What this process may use of its machine: cores and memory, also inside a container."""

from __future__ import annotations

import math
import os
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
# Of a container: its quota of cores; what memory it may use, and what it uses, of which the files that it has read
# lately can be let go.
CGROUP = Path("/sys/fs/cgroup")
# The last part of the memory is left to the system: Ray ends workers that use it.
_SYSTEMS_SHARE = 0.05


def available_cores(container: Path = CGROUP) -> int:
    """Cores that this process may use: its affinity, and the quota of its container.

    Args:
        container: The folder that holds the container's limits.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = (container / "cpu.max").read_text().split()
        cores = min(cores, max(1, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):
        # No cgroup, or "max": no quota.
        pass
    return cores


def free_memory(container: Path = CGROUP) -> int | None:
    """Bytes that are free on the machine and in the container; None if that is not known.

    Args:
        container: The folder that holds the container's limits.
    """
    limits = [found for found in (_machine_bytes(), _container_bytes(container)) if found is not None]
    return max(0, min(limits)) if limits else None


def _machine_bytes() -> int | None:
    if not _MEMINFO.exists():
        return None
    lines = (line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
    fields = {name: int(value.split()[0]) * 1024 for name, value in lines}
    if "MemAvailable" not in fields:
        return None
    return int(fields["MemAvailable"] - _SYSTEMS_SHARE * fields["MemTotal"])


def _container_bytes(container: Path) -> int | None:
    try:
        limit = int((container / "memory.max").read_text())
        used = int((container / "memory.current").read_text())
        lines = (line.split() for line in (container / "memory.stat").read_text().splitlines())
        files = {name: int(value) for name, value in lines}.get("inactive_file", 0)
    except (OSError, ValueError):
        # No container, or "max": no limit.
        return None
    return int(limit - used + files - _SYSTEMS_SHARE * limit)
