"""Compiles the kernels for a GPU by NVIDIA's run-time compiler, and launches its kernels.

Both come with CUDA builds of torch from 2.10 on (cuda-bindings, nvrtc); where they do not, there are no kernels.
"""

from __future__ import annotations

import ctypes
from typing import Any

import torch

from fcsearch.training.engine.native.array_layout import Call, Layout
from fcsearch.training.engine.native.binding import WALKS

_UNITS, _WARPS = 32, 16
_THREADS = _UNITS * _WARPS  # of a block
_BLOCK = (f"-DUNITS={_UNITS}", f"-DWARPS={_WARPS}")
_BLOCKS = 2**14  # threads that find more work go on: enough to fill any GPU
_MOST_VALUES = 2**31  # that the kernels count


class GpuLibrary:
    """The kernels on one GPU, for one type of numbers.

    Args:
        source: What the files of GPU_SOURCES hold.
        defines: As the C compiler gets them.
        device: The GPU.

    Raises:
        ImportError: cuda-bindings is not installed.
        RuntimeError: the compiler or the driver refuses.
    """

    def __init__(self, source: str, defines: list[str], device: torch.device) -> None:
        from cuda.bindings import driver, nvrtc

        self._driver = driver
        self._device = device
        self._layouts: dict[tuple[int, ...], torch.Tensor] = {}
        with torch.cuda.device(device):
            torch.cuda.current_stream().synchronize()  # the driver has a context only once torch has made one
            major, minor = torch.cuda.get_device_capability()
            _, program = _checked(nvrtc.nvrtcCreateProgram(source.encode(), b"kernels.cu", 0, None, None))
            options = [option.encode() for option in (f"--gpu-architecture=sm_{major}{minor}", *defines, *_BLOCK)]
            _checked(nvrtc.nvrtcCompileProgram(program, len(options), options))
            _, size = _checked(nvrtc.nvrtcGetCUBINSize(program))
            code = bytes(size)
            _checked(nvrtc.nvrtcGetCUBIN(program, code))
            _, self._module = _checked(driver.cuModuleLoadData(code))

    def function(self, name: str, layout: Layout, arguments: int) -> Call:
        """A kernel over arrays of one layout: a function of so many addresses."""
        values = layout.outer * layout.members * layout.inner
        if values >= _MOST_VALUES:
            raise ValueError(f"a kernel can take fewer than {_MOST_VALUES:,} values at once; found {values:,}")
        if not values:
            return lambda *_: None
        driver = self._driver
        _, function = _checked(driver.cuModuleGetFunction(self._module, name.encode()))
        on_device = self._layout(tuple(getattr(layout, field) for field, *_ in Layout._fields_))
        blocks = min(_BLOCKS, -(-_threads(layout, WALKS.get(name)) // _THREADS))
        types = (ctypes.c_void_p,) * (arguments + 1)
        index = self._device.index  # which torch finds a stream by sooner than by a device

        def launch(*addresses: int) -> None:
            stream = driver.CUstream(torch.cuda.current_stream(index).cuda_stream)
            parameters = (on_device.data_ptr(), *addresses), types
            _checked(driver.cuLaunchKernel(function, blocks, 1, 1, _THREADS, 1, 1, 0, stream, parameters, 0))

        return launch

    def _layout(self, fields: tuple[int, ...]) -> torch.Tensor:
        """A layout on the device, 512 bytes, which stay: graphs hold its address, and none can be made in a capture."""
        if fields not in self._layouts:
            self._layouts[fields] = torch.tensor(fields, device=self._device)
        return self._layouts[fields]


def _threads(layout: Layout, walk: str | None) -> int:
    """How many threads find work in a kernel that walks so."""
    outer, members, inner = (int(getattr(layout, axis)) for axis in ("outer", "members", "inner"))
    if walk == "units":
        return members * -(-inner // _UNITS) * _THREADS
    return members * inner * (1 if walk == "columns" else outer)


def _checked(result: tuple[Any, ...]) -> tuple[Any, ...]:
    if result[0].value:
        raise RuntimeError(f"CUDA refused: {result[0].name}")
    return result
