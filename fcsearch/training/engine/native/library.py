"""What is compiled on the machine that runs it, once: kernels for a GPU, whole steps for a CPU.

Without a compiler there is neither.
"""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import functools
import hashlib
import logging
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

import torch

from fcsearch.training.engine.native.binding import REALS, SIGNATURES, Kernel
from fcsearch.training.engine.native.gemm import find_gemm
from fcsearch.training.engine.native.gpu import GpuLibrary
from fcsearch.training.engine.native.structs import StepFunctions

logger = logging.getLogger(__name__)

_SWITCH = "FCSEARCH_NATIVE"  # set to 0 to do without the kernels
# In this order: each calls what is in those before it.
_CPU_SOURCES = ("kernels", "losses", "activations", "products", "embedding", "steps")
_FLAGS = "-O3 -march=native -fno-math-errno -fno-trapping-math -shared -fPIC"
_SECONDS = 120
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


def prepare_for_cpu() -> None:
    """Compile what trials on a CPU are trained by, in float32, so that it is in the user's cache when it is needed.

    No operation of torch's runs, and so no thread is started. What cannot be compiled is for `step_functions` to tell.
    """
    if _wanted(torch.float32):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            _cpu_library(torch.float32)


def _wanted(dtype: torch.dtype) -> bool:
    return dtype in REALS and os.environ.get(_SWITCH) != "0" and not _forbidden.get()


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
        library = GpuLibrary(_source("kernels"), _defines(dtype), device)
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
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise OSError("no C compiler found")
    command = [*shlex.split(compiler), *_FLAGS.split(), *_defines(dtype)]
    return ctypes.CDLL(str(_compiled(command, _source(*_CPU_SOURCES))))


def _defines(dtype: torch.dtype) -> list[str]:
    return [f"-DREAL={REALS[dtype]}", "-DSQRT=sqrtf" if dtype == torch.float32 else "-DSQRT=sqrt"]


def _source(*names: str) -> str:
    folder = resources.files(__package__)
    return "".join(folder.joinpath(f"{name}.c").read_text() for name in names)


def _compiled(command: list[str], source: str) -> Path:
    """The library's file in the user's cache, made if it is not there; several processes may ask at once."""
    version = subprocess.run([command[0], "--version"], capture_output=True, text=True, timeout=_SECONDS, check=True)
    machine = [platform.machine(), platform.node(), _processor(), version.stdout]
    digest = hashlib.sha256("\0".join([source, *command, *machine]).encode()).hexdigest()[:16]
    folder = _cache()
    path = folder / f"kernels-{digest}.so"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=folder) as aside:
            made = Path(aside) / "kernels.so"
            subprocess.run(
                [*command, "-x", "c", "-", "-o", str(made), "-lm"],
                input=source,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=True,
            )
            made.replace(path)
    return path


def _processor() -> str:
    """What tells processors apart that take different machine code."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor()
    wanted = ("model name", "flags", "Features")
    return "\n".join(sorted({line for line in info.read_text().splitlines() if line.startswith(wanted)}))


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    folder = Path(base) / "fcsearch" / "kernels"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    # Nobody else may put a library where this user's will be loaded from.
    folder = Path(tempfile.gettempdir()) / f"fcsearch-kernels-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    return folder
