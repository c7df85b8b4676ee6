"""What is compiled on the machine that runs it, once: kernels for a GPU, whole steps for a CPU.

Without a compiler there is neither.
"""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import functools
import logging
import os
import subprocess
from collections.abc import Iterator, Mapping

import torch

from fcsearch.training.engine import compiling
from fcsearch.training.engine.native.binding import REALS, SIGNATURES, Kernel
from fcsearch.training.engine.native.gemm import find_gemm
from fcsearch.training.engine.native.gpu import GpuLibrary
from fcsearch.training.engine.native.structs import StepFunctions

logger = logging.getLogger(__name__)

_forbidden: contextvars.ContextVar[bool] = contextvars.ContextVar("without kernels", default=False)


def kernels(device: torch.device, dtype: torch.dtype) -> Mapping[str, Kernel] | None:
    """The kernels of a GPU by name, or None if torch operations do the work.

    That is on other devices, where they cannot be compiled, with FCSEARCH_NATIVE=0, or within `without_kernels`.
    """
    if device.type != "cuda" or not _wanted(dtype):
        return None
    return _for_gpu(torch.device("cuda", torch.cuda.current_device()) if device.index is None else device, dtype)


def step_functions(device: torch.device, dtype: torch.dtype) -> StepFunctions | None:
    """Whole steps of a lane in C on a CPU, or None if torch operations do the work.

    That is on other devices, with several CPU threads (the functions use one), without a compiler, where torch has no
    product for C, with FCSEARCH_NATIVE=0, or within `without_kernels`.
    """
    if device.type != "cpu" or not _wanted(dtype) or torch.get_num_threads() > 1:
        return None
    return _for_cpu(dtype)


def runs_compiled(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether anything compiled does the work of training on this device."""
    return kernels(device, dtype) is not None or step_functions(device, dtype) is not None


def _wanted(dtype: torch.dtype) -> bool:
    return dtype in REALS and os.environ.get(compiling.SWITCH) != "0" and not _forbidden.get()


@contextlib.contextmanager
def without_kernels() -> Iterator[None]:
    """What is made within this context computes by torch operations."""
    before = _forbidden.set(True)
    try:
        yield
    finally:
        _forbidden.reset(before)


@functools.cache
def _for_gpu(device: torch.device, dtype: torch.dtype) -> Mapping[str, Kernel] | None:
    try:
        library = GpuLibrary(compiling.source(*compiling.GPU_SOURCES), compiling.defines(REALS[dtype]), device)
    except (OSError, ImportError, RuntimeError) as error:
        logger.info("the kernels cannot be compiled for %s, training uses torch operations alone: %s", device, error)
        return None
    return {name: Kernel(library, name, dtype, device) for name in SIGNATURES}


@functools.cache
def _for_cpu(dtype: torch.dtype) -> StepFunctions | None:
    gemm = find_gemm(dtype)
    if gemm is None:
        return None
    try:
        return StepFunctions(_cpu_library(dtype), gemm)
    except (OSError, subprocess.SubprocessError) as error:
        logger.info("the kernels cannot be compiled for cpu, training uses torch operations alone: %s", error)
        return None


def _cpu_library(dtype: torch.dtype) -> ctypes.CDLL:
    return ctypes.CDLL(str(compiling.cpu_library(REALS[dtype])))
