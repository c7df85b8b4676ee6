"""Which kernels there are for a device; for a CPU it has the machine's own compiler make them, once.

Without a compiler there are none.
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

from fcsearch.training.engine.native.binding import REALS, SIGNATURES, CpuLibrary, Kernel, Library
from fcsearch.training.engine.native.gemm import find_gemm
from fcsearch.training.engine.native.gpu import GpuLibrary
from fcsearch.training.engine.native.structs import StepFunctions

logger = logging.getLogger(__name__)

_SWITCH = "FCSEARCH_NATIVE"  # set to 0 to do without the kernels
_FLAGS = "-O3 -march=native -fno-math-errno -fno-trapping-math -shared -fPIC"
_SECONDS = 120
_forbidden: contextvars.ContextVar[bool] = contextvars.ContextVar("without kernels", default=False)


def kernels(device: torch.device, dtype: torch.dtype) -> Mapping[str, Kernel] | None:
    """The compiled kernels by name, or None where torch operations do the work.

    That is with several CPU threads (the kernels use one), without a compiler for the device, with FCSEARCH_NATIVE=0,
    or within `without_kernels`.
    """
    if device.type not in ("cpu", "cuda") or dtype not in REALS or os.environ.get(_SWITCH) == "0" or _forbidden.get():
        return None
    if device.type == "cpu" and torch.get_num_threads() > 1:
        return None
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", torch.cuda.current_device())
    return _load(device, dtype)[0]


def step_functions(device: torch.device, dtype: torch.dtype) -> StepFunctions | None:
    """Whole steps of a lane in C, or None where there are no kernels, on a GPU, or where torch has no product for C."""
    return _load(device, dtype)[1] if device.type == "cpu" and kernels(device, dtype) is not None else None


@contextlib.contextmanager
def without_kernels() -> Iterator[None]:
    """What is made within this context computes by torch operations."""
    before = _forbidden.set(True)
    try:
        yield
    finally:
        _forbidden.reset(before)


@functools.cache
def _load(device: torch.device, dtype: torch.dtype) -> tuple[Mapping[str, Kernel] | None, StepFunctions | None]:
    real = REALS[dtype]
    defines = [f"-DREAL={real}", "-DSQRT=sqrtf" if real == "float" else "-DSQRT=sqrt"]
    steps = None
    try:
        if device.type == "cuda":
            library: Library = GpuLibrary(_source(), defines, device)
        else:
            compiled = _for_cpu(defines)
            library, gemm = CpuLibrary(compiled), find_gemm(dtype)
            steps = None if gemm is None else StepFunctions(compiled, gemm)
    except (OSError, ImportError, RuntimeError, subprocess.SubprocessError) as error:
        logger.info("the kernels cannot be compiled for %s, training uses torch operations alone: %s", device, error)
        return None, None
    return {name: Kernel(library, name, dtype, device) for name in SIGNATURES}, steps


def _for_cpu(defines: list[str]) -> ctypes.CDLL:
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise OSError("no C compiler found")
    return ctypes.CDLL(str(_compiled([*shlex.split(compiler), *_FLAGS.split(), *defines], _source())))


def _source() -> str:
    folder = resources.files(__package__)
    return "".join(folder.joinpath(f"{name}.c").read_text() for name in ("kernels", "losses", "steps"))


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
