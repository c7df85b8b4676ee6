"""The kernels of a GPU, compiled for the CPU: what holds them to torch operations on a machine without one."""

import ctypes
import functools

import pytest
import torch

from fcsearch.training.engine import compiling
from fcsearch.training.engine.native import Call, Kernel, library
from fcsearch.training.engine.native.array_layout import Layout
from fcsearch.training.engine.native.binding import REALS, SIGNATURES

CPU = torch.device("cpu")
SOURCES = compiling.GPU_SOURCES


class HostLibrary:
    def __init__(self, compiled: ctypes.CDLL) -> None:
        self._compiled = compiled

    def function(self, name: str, layout: Layout, arguments: int) -> Call:
        function = getattr(self._compiled, name)
        function.argtypes = [ctypes.POINTER(Layout), *[ctypes.c_void_p] * arguments]
        function.restype = None
        return functools.partial(function, ctypes.byref(layout))


def host_kernels(dtype: torch.dtype) -> dict[str, Kernel]:
    """The kernels by name, as `kernels` has them for a GPU; skips the test where there is no compiler."""
    if library.step_functions(CPU, dtype) is None:
        pytest.skip("no C compiler on this machine")
    compiled = HostLibrary(ctypes.CDLL(str(compiling.cpu_library(REALS[dtype], SOURCES))))
    return {name: Kernel(compiled, name, dtype, CPU) for name in SIGNATURES}


def use_host_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train on the CPU by torch operations and these kernels, as on a GPU."""
    host_kernels(torch.float64)
    for module in ("update_rule", "activations", "inputs", "losses"):
        monkeypatch.setattr(f"fcsearch.training.engine.{module}.kernels", lambda _, dtype: host_kernels(dtype))
    monkeypatch.setattr("fcsearch.training.step_batch.kernels", lambda _, dtype: host_kernels(dtype))
    monkeypatch.setattr("fcsearch.training.lane.step_functions", lambda *_: None)


def change_source(monkeypatch: pytest.MonkeyPatch, right: str, wrong: str) -> int:
    """Compile the kernels with this change from now on; returns in how many places it was made."""
    source = compiling.source
    # They are compiled for each change, in a quarter of the time.
    hurry = '#pragma GCC optimize ("O1")\n'
    monkeypatch.setattr(compiling, "source", lambda *names: hurry + source(*names).replace(right, wrong))
    return source(*{*compiling.CPU_SOURCES, *SOURCES}).count(right)
