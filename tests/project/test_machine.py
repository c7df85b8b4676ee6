"""What this process may use of its machine."""

import os
from pathlib import Path

import pytest
import torch

from fcsearch.machine import available_cores, free_memory
from fcsearch.training.memory import free_bytes


def test_free_memory_is_known_of_this_machine() -> None:
    free = free_memory()
    assert free is None or free > 2**20


def test_a_container_may_have_less_memory(tmp_path: Path) -> None:
    for name, text in (("max", "1000000"), ("current", "600000"), ("stat", "anon 1\ninactive_file 50000\n")):
        (tmp_path / f"memory.{name}").write_text(text)
    assert free_memory(tmp_path) == 400_000
    (tmp_path / "memory.max").write_text("max")
    assert free_memory(tmp_path) != 400_000


def test_a_pack_on_a_cpu_has_the_memory_that_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcsearch.training.memory.free_memory", lambda: 400_000)
    assert free_bytes(torch.device("cpu")) == 400_000


def test_a_container_may_have_fewer_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert available_cores(tmp_path) == 8
    for quota, cores in (("250000 100000", 3), ("1000 100000", 1), ("max 100000", 8), ("1600000 100000", 8)):
        (tmp_path / "cpu.max").write_text(quota)
        assert available_cores(tmp_path) == cores
