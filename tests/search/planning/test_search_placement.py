import importlib.machinery
import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch

from fcsearch.errors import UsageError
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning import placement
from fcsearch.search.planning.placement import Node, Placement, local_node, place

CPU_BOX = [Node(cpus=4, gpus=0)]
GPU_BOX = [Node(cpus=8, gpus=2)]
CLUSTER = [Node(cpus=2, gpus=1), Node(cpus=8, gpus=3), Node(cpus=1, gpus=0)]


@pytest.mark.parametrize(
    ("nodes", "asked", "expected"),
    [
        (CPU_BOX, {}, Placement(4, 1, 0)),
        (CPU_BOX, {"workers": 2, "cpus_per_worker": 2}, Placement(2, 2, 0)),
        (CPU_BOX, {"cpus_per_worker": 0.5}, Placement(8, 0.5, 0)),
        (GPU_BOX, {}, Placement(2, 1, 1)),
        (GPU_BOX, {"workers": 1}, Placement(1, 1, 1)),
        (GPU_BOX, {"workers": 4}, Placement(4, 1, 0.5)),
        (GPU_BOX, {"workers": 5}, Placement(5, 1, 1 / 3)),
        (GPU_BOX, {"gpus_per_worker": 0.25}, Placement(8, 1, 0.25)),
        (GPU_BOX, {"gpus_per_worker": 0.4}, Placement(4, 1, 0.4)),
        (GPU_BOX, {"gpus_per_worker": 2}, Placement(1, 1, 2)),
        (GPU_BOX, {"gpus_per_worker": 0}, Placement(8, 1, 0)),
        (CLUSTER, {}, Placement(4, 1, 1)),
        (CLUSTER, {"gpus_per_worker": 0}, Placement(11, 1, 0)),
        (CLUSTER, {"cpus_per_worker": 4}, Placement(2, 4, 1)),
    ],
)
def test_workers_are_laid_out(nodes: list[Node], asked: dict[str, Any], expected: Placement) -> None:
    assert place(SearchOptions(**asked), nodes) == expected


@pytest.mark.parametrize(
    ("nodes", "asked", "message"),
    [
        (CPU_BOX, {"gpus_per_worker": 0.5}, "--gpus-per-worker 0.5 needs a GPU; torch sees none"),
        (CPU_BOX, {"gpus_per_worker": 1, "address": "h:1"}, "the cluster has none"),
        (CPU_BOX, {"workers": 5}, "room for 4"),
        (CPU_BOX, {"cpus_per_worker": 5}, "must fit on a machine"),
        (CLUSTER, {"gpus_per_worker": 4}, "must fit on a machine"),
        (GPU_BOX, {"workers": 5, "gpus_per_worker": 0.5}, "use --workers 4"),
    ],
)
def test_what_does_not_fit_is_refused(nodes: list[Node], asked: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        place(SearchOptions(**asked), nodes)


@pytest.mark.parametrize(("cpus", "threads"), [(0.5, 1), (1, 1), (1.9, 1), (4, 4)])
def test_a_worker_has_a_thread_a_cpu(cpus: float, threads: int) -> None:
    assert Placement(1, cpus, 0).threads == threads


def test_this_machine_has_a_core() -> None:
    assert local_node().cpus >= 1


@pytest.mark.parametrize(
    "bad",
    [
        {"trials": 0},
        {"trials": True},
        {"workers": 0},
        {"seed": -1},
        {"seed": 2**32},
        {"time_budget": 0},
        {"cpus_per_worker": float("nan")},
        {"cpus_per_worker": 10**400},
        {"gpus_per_worker": 1.5},
        {"gpus_per_worker": -1},
        {"pack_size": 0},
        {"pack_size": "large"},
        {"keep_models": 0},
        {"address": "ray://head:10001"},
    ],
)
def test_options_outside_their_range_are_named(bad: dict[str, Any]) -> None:
    [name] = bad
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} must be"):
        SearchOptions(**bad)


def test_options_are_json() -> None:
    options = SearchOptions(trials=3, time_budget=60.0, pack_size=4)
    assert SearchOptions(**options.to_json()) == options


@pytest.mark.parametrize(
    ("workers", "cpus", "gpus", "sharers"), [(2, 1, 0, 2), (16, 1, 0, 4), (8, 0.5, 0, 8), (4, 1, 0.5, 2), (4, 1, 2, 1)]
)
def test_who_shares_the_memory_of_a_device(workers: int, cpus: float, gpus: float, sharers: int) -> None:
    assert Placement(workers=workers, cpus=cpus, gpus=gpus).sharers(4) == sharers


def test_tf32_is_for_gpus() -> None:
    assert place(SearchOptions(tf32=True), GPU_BOX) == Placement(2, 1, 1, tf32=True)
    with pytest.raises(UsageError, match="--tf32 needs GPUs; the workers have none"):
        place(SearchOptions(tf32=True, gpus_per_worker=0), GPU_BOX)


def test_gpus_are_those_that_torch_can_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    built_for_cpus = torch.version.cuda is None and torch.version.hip is None
    assert placement.torch_is_for_cpus_alone() == built_for_cpus
    assert local_node().gpus == torch.cuda.device_count()
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    (tmp_path / "__init__.py").touch()
    where = importlib.machinery.ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: where)
    # Where the file is missing, and where it says that it is for GPUs, torch itself is asked.
    assert local_node().gpus == 3
    for cuda, hip, gpus in (("'13.0'", "None", 3), ("None", "'6.2'", 3), ("None", "None", 0)):
        (tmp_path / "version.py").write_text(f"cuda: Optional[str] = {cuda}\nhip: Optional[str] = {hip}\n")
        assert local_node().gpus == gpus


def test_what_makes_a_machine_a_node_that_trains_nothing_leaves_out_its_gpus() -> None:
    """With one, workers of a cluster of CPUs would claim a GPU each, and fit nowhere."""
    with pytest.raises(UsageError, match="a worker of 1 CPUs and 1 GPUs must fit"):
        place(SearchOptions(address="head:6379"), [Node(cpus=0, gpus=1), *CPU_BOX])
    root = Path(__file__).parents[3]
    for file in ("docs/cluster.md", "fcsearch/search/ray_pool/cluster.py"):
        text = (root / file).read_text(encoding="utf-8")
        assert 0 < text.count("--num-cpus=0") == text.count("--num-cpus=0 --num-gpus=0")
