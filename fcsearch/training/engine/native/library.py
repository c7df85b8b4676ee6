"""Compiles kernels.c with the machine's own compiler, once, and loads it; without a compiler there are no kernels."""

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

logger = logging.getLogger(__name__)

_SWITCH = "FCSEARCH_NATIVE"  # set to 0 to do without the kernels
_FLAGS = "-O3 -march=native -fno-math-errno -fno-trapping-math -shared -fPIC"
_SECONDS = 120
_forbidden: contextvars.ContextVar[bool] = contextvars.ContextVar("without kernels", default=False)


def kernels(device: torch.device, dtype: torch.dtype) -> Mapping[str, Kernel] | None:
    """The compiled kernels by name, or None where torch operations do the work.

    That is on a GPU, with several CPU threads (the kernels use one), without a C compiler, with FCSEARCH_NATIVE=0, or
    within `without_kernels`.
    """
    if device.type != "cpu" or dtype not in REALS or torch.get_num_threads() > 1:
        return None
    if os.environ.get(_SWITCH) == "0" or _forbidden.get():
        return None
    return _load(dtype)


@contextlib.contextmanager
def without_kernels() -> Iterator[None]:
    """What is made within this context computes by torch operations."""
    before = _forbidden.set(True)
    try:
        yield
    finally:
        _forbidden.reset(before)


@functools.cache
def _load(dtype: torch.dtype) -> Mapping[str, Kernel] | None:
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        logger.info("no C compiler found: training uses torch operations alone")
        return None
    real = REALS[dtype]
    defines = [f"-DREAL={real}", "-DSQRT=sqrtf" if real == "float" else "-DSQRT=sqrt"]
    try:
        library = ctypes.CDLL(str(_compiled([*shlex.split(compiler), *_FLAGS.split(), *defines], _source())))
    except (OSError, subprocess.SubprocessError) as error:
        logger.info("the C kernels cannot be compiled here, training uses torch operations alone: %s", error)
        return None
    return {name: Kernel(library, name, dtype) for name in SIGNATURES}


def _source() -> str:
    return resources.files(__package__).joinpath("kernels.c").read_text()


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
