"""The number of workers, and the resources of each: decided from the options and the machines."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
import re
from collections.abc import Sequence
from pathlib import Path

from fcsearch.errors import UsageError
from fcsearch.machine import available_cores
from fcsearch.search.options import SearchOptions
from fcsearch.wording import option, wording

# Sums of fractions such as 3 x 0.33 must not fail by rounding.
_TOLERANCE = 1e-6


@dataclasses.dataclass(frozen=True)
class Node:
    """The resources of one machine: CPUs and GPUs, as Ray counts them."""

    cpus: float
    gpus: float


@dataclasses.dataclass(frozen=True)
class Placement:
    """The workers of a search.

    Attributes:
        workers: How many packs train at a time.
        cpus: CPUs that each claims.
        gpus: GPUs that each claims; 0: it trains on the CPU.
        tf32: Whether products on a GPU use TF32, with a mantissa of 10 bits.
    """

    workers: int
    cpus: float
    gpus: float
    tf32: bool = False

    @property
    def threads(self) -> int:
        """Threads that each worker computes with."""
        return max(1, int(self.cpus))

    def sharers(self, cores: int) -> int:
        """How many workers may share the memory of one device: a GPU, or a machine with `cores` cores."""
        if self.gpus:
            return math.floor(1 / self.gpus + _TOLERANCE) if self.gpus < 1 else 1
        return max(1, min(self.workers, math.floor(cores / self.cpus + _TOLERANCE)))

    def describe(self) -> str:
        """The workers in one line of text."""
        workers = f"{self.workers} worker{'s' if self.workers != 1 else ''}"
        threads = f"{self.threads} thread{'s' if self.threads != 1 else ''}"
        return (
            f"{workers}, each {_gpu_words(self.gpus)}{' with TF32' if self.tf32 else ''} and {threads}"
            if self.gpus
            else f"{workers}, each {threads} on the CPU"
        )


def local_node() -> Node:
    """This machine: the cores that this process may use, and the GPUs that torch can."""
    if torch_is_for_cpus_alone():
        return Node(cpus=available_cores(), gpus=0)
    import torch

    return Node(cpus=available_cores(), gpus=torch.cuda.device_count())


def torch_is_for_cpus_alone() -> bool:
    """Whether torch was built without support for GPUs, by the file that says so: its import takes more than a second.

    False where that cannot be told.
    """
    package = importlib.util.find_spec("torch")
    try:
        text = Path(package.origin or "").with_name("version.py").read_text() if package else ""
    except (OSError, ValueError):
        return False
    return {"cuda", "hip"} <= set(re.findall(r"^(cuda|hip)\b.*= None$", text, re.MULTILINE))


def place(options: SearchOptions, nodes: Sequence[Node]) -> Placement:
    """Place the workers on the machines.

    Args:
        options: The user's options.
        nodes: The machines.

    Raises:
        UsageError: the options ask for GPUs, or for TF32, without a GPU, or for more workers than fit.
    """
    total_gpus = sum(node.gpus for node in nodes)
    gpus = _gpus_per_worker(options, total_gpus)
    if options.tf32 and not gpus:
        raise UsageError(f"{option('tf32')} needs GPUs; the workers have none; leave it out")
    cpus = options.cpus_per_worker if options.cpus_per_worker is not None else 1
    fit = sum(_fit(node, cpus, gpus) for node in nodes)
    where = "this machine" if options.address is None else "the cluster"
    has = f"{where} has {_number(sum(node.cpus for node in nodes))} CPUs and {_number(total_gpus)} GPUs"
    if fit == 0:
        raise UsageError(
            f"a worker of {_number(cpus)} CPUs and {_number(gpus)} GPUs must fit on a machine; {has}; lower "
            f"{option('cpus_per_worker')} or {option('gpus_per_worker')}"
        )
    workers = options.workers if options.workers is not None else 1 if options.pool == "inline" else fit
    if workers > fit:
        raise UsageError(
            f"{option('workers', workers)} must fit, with {_number(cpus)} CPUs and {_number(gpus)} GPUs each; "
            f"{has}: room for {fit}; use {option('workers', fit)}{wording().claims()}"
        )
    return Placement(workers=workers, cpus=cpus, gpus=gpus, tf32=options.tf32)


def room_for(placement: Placement, nodes: Sequence[Node]) -> int:
    """How many such workers the machines have room for."""
    return sum(_fit(node, placement.cpus, placement.gpus) for node in nodes)


def _gpus_per_worker(options: SearchOptions, total: float) -> float:
    asked = options.gpus_per_worker
    if asked is None:
        if not total:
            return 0
        # More workers than GPUs: they share.
        sharing = math.ceil((options.workers or 1) / total)
        return 1 / sharing if sharing > 1 else 1
    if asked and not total:
        where = "torch sees none on this machine" if options.address is None else "the cluster has none"
        raise UsageError(
            f"{option('gpus_per_worker', asked)} needs a GPU; {where}; leave the option out to train on the CPU, or "
            "install a torch built for CUDA (see the README)"
        )
    return asked


def _fit(node: Node, cpus: float, gpus: float) -> int:
    by_cpu = math.floor(node.cpus / cpus + _TOLERANCE)
    if not gpus:
        return by_cpu
    # A worker's share is on one GPU: halves of two GPUs do not make one.
    by_gpu = int(node.gpus) * math.floor(1 / gpus + _TOLERANCE) if gpus < 1 else int(node.gpus // gpus)
    return min(by_cpu, by_gpu)


def _gpu_words(gpus: float) -> str:
    if gpus < 1:
        return f"{_number(round(gpus, 3))} of a GPU"
    return f"{_number(gpus)} GPU{'s' if gpus != 1 else ''}"


def _number(value: float) -> str:
    return f"{value:g}"
