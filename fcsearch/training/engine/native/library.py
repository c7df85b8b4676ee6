"""Compiles kernels.c with the machine's own compiler, once, and loads it; without a compiler there are no kernels."""

from __future__ import annotations

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
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

_SWITCH = "FCSEARCH_NATIVE"  # set to 0 to do without the kernels
_FLAGS = "-O3 -march=native -fno-math-errno -fno-trapping-math -shared -fPIC"
_REALS = {torch.float32: "-DREAL=float -DSQRT=sqrtf", torch.float64: "-DREAL=double -DSQRT=sqrt"}
_SECONDS = 120


class Layout(ctypes.Structure):
    """The C struct `layout`: how the kernels walk over arrays; see kernels.c."""

    _fields_ = [
        (name, ctypes.c_ssize_t) for name in ("outer", "members", "inner", "a_outer", "a_member", "b_outer", "b_member")
    ]

    @classmethod
    def of(cls, a: Tensor, b: Tensor) -> Layout:
        """The layout of two arrays (outer, M, inner) of one shape, whose last axis is contiguous."""
        if a.shape != b.shape or (a.shape[2] > 1 and (a.stride(2), b.stride(2)) != (1, 1)):
            raise ValueError(f"two arrays of one shape and contiguous rows are needed; found {a.shape} and {b.shape}")
        return cls(*a.shape, a.stride(0), a.stride(1), b.stride(0), b.stride(1))


def pointer(tensor: Tensor) -> ctypes.c_void_p:
    """The address of a tensor's first element."""
    return ctypes.c_void_p(tensor.data_ptr())


def kernels(device: torch.device, dtype: torch.dtype) -> ctypes.CDLL | None:
    """The compiled kernels, or None where torch operations do the work.

    That is on a GPU, with several CPU threads (the kernels use one), without a C compiler, or with FCSEARCH_NATIVE=0.
    """
    if device.type != "cpu" or dtype not in _REALS or torch.get_num_threads() > 1 or os.environ.get(_SWITCH) == "0":
        return None
    return _load(dtype)


@functools.cache
def _load(dtype: torch.dtype) -> ctypes.CDLL | None:
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        logger.info("no C compiler found: training uses torch operations alone")
        return None
    source = resources.files(__package__).joinpath("kernels.c").read_text()
    command = [*shlex.split(compiler), *_FLAGS.split(), *_REALS[dtype].split()]
    try:
        library = ctypes.CDLL(str(_compiled(command, source)))
    except (OSError, subprocess.SubprocessError) as error:
        logger.info("the C kernels cannot be compiled here, training uses torch operations alone: %s", error)
        return None
    for name in ("sgd", "sgd_momentum", "rmsprop", "adam", "relu_dropout", "relu_dropout_backward", "dropout"):
        getattr(library, name).restype = None
    return library


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
