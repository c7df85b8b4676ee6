"""The run.json of a search."""

from __future__ import annotations

import os
import platform
import socket
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import metadata
from typing import Any

from fcsearch import __version__
from fcsearch.data import Dataset
from fcsearch.results.manifest import DatasetEntry, Manifest
from fcsearch.search.planning.placement import torch_is_for_cpus_alone
from fcsearch.search.planning.plan import SearchPlan

_PACKAGES = ("torch", "ray", "optuna", "numpy", "pyarrow", "scikit-learn")


def new_manifest(plan: SearchPlan, dataset: Dataset, command: Sequence[str], *, began: float | None = None) -> Manifest:
    """The manifest of a search that is about to start.

    Args:
        plan: The plan.
        dataset: What is learned.
        command: The command line, so that the search can be repeated.
        began: When the command began, by `time.monotonic()`; None: now.
    """
    return Manifest(
        name=plan.path.name,
        state="running",
        space=plan.space.to_json(),
        dataset=DatasetEntry(**dataset.describe()),
        seed=plan.options.seed,
        command=tuple(command),
        options={**plan.options.to_json(), "trials": plan.trials},
        versions=versions(),
        machine=machine(),
        created_at=datetime.now(UTC) if began is None else moment_of(began),
        finished_at=None,
        ended_by=None,
        pack_size=plan.pack_size,
        workers=plan.placement.workers if plan.placement else None,
        error=None,
    )


def versions() -> dict[str, str]:
    """Versions of the packages that a run depends on."""
    return {"fcsearch": __version__, "python": platform.python_version(), **{p: metadata.version(p) for p in _PACKAGES}}


def machine() -> dict[str, Any]:
    """The machine that drives the search."""
    return {
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cpus": os.cpu_count(),
        "gpus": _gpus(),
        "byteorder": sys.byteorder,
    }


def _gpus() -> list[str]:
    if torch_is_for_cpus_alone():
        return []
    import torch

    return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]


def moment_of(monotonic: float) -> datetime:
    """The time, UTC, at a moment of `time.monotonic()`."""
    return datetime.now(UTC) - timedelta(seconds=time.monotonic() - monotonic)
