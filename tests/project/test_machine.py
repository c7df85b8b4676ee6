"""What this process may use of its machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from fcsearch.machine import available_cores, free_memory
from fcsearch.training.memory import free_bytes


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files in which a container's limits stand."""
    monkeypatch.setattr("fcsearch.machine._CGROUP", tmp_path)
    return tmp_path


def test_free_memory_is_known_of_this_machine() -> None:
    free = free_memory()
    assert free is None or free > 2**20


def test_a_container_may_have_less_memory(container: Path) -> None:
    for name, text in (("max", "1000000"), ("current", "600000"), ("stat", "anon 1\ninactive_file 50000\n")):
        (container / f"memory.{name}").write_text(text)
    assert free_memory() == 400_000
    assert free_bytes(torch.device("cpu")) == 400_000
    (container / "memory.max").write_text("max")
    assert free_memory() != 400_000


def test_a_container_may_have_fewer_cores(container: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert available_cores() == 8
    for quota, cores in (("250000 100000", 3), ("1000 100000", 1), ("max 100000", 8), ("1600000 100000", 8)):
        (container / "cpu.max").write_text(quota)
        assert available_cores() == cores
