"""Finds the matrix product that torch itself computes with, for C to call."""

from __future__ import annotations

import ctypes
import logging
import sys
from pathlib import Path
from typing import Any

import torch

logger = logging.getLogger(__name__)

_NAMES = {torch.float32: "sgemm_", torch.float64: "dgemm_"}
_REALS = {torch.float32: ctypes.c_float, torch.float64: ctypes.c_double}


def find_gemm(dtype: torch.dtype) -> int | None:
    """The address of BLAS's product in Fortran's convention, with integers of 32 bits; None if torch shows none.

    On Linux torch's library has MKL inside and exports it.
    """
    suffix = "dylib" if sys.platform == "darwin" else "so"
    try:
        library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / f"libtorch_cpu.{suffix}"))
        function = getattr(library, _NAMES[dtype])
    except (OSError, AttributeError) as error:
        logger.info("steps of packs run by torch operations, since torch shows no %s: %s", _NAMES[dtype], error)
        return None
    if not _multiplies(function, dtype):
        logger.info("steps of packs run by torch operations, since torch's %s is another one", _NAMES[dtype])
        return None
    return ctypes.cast(function, ctypes.c_void_p).value


def _multiplies(function: Any, dtype: torch.dtype) -> bool:
    """Whether it is the function that it should be: a product of numbers that float32 holds exactly."""
    a = torch.arange(6, dtype=dtype).view(2, 3)
    b = torch.arange(12, dtype=dtype).view(3, 4) - 5
    c = torch.full((2, 4), -1, dtype=dtype)
    m, n, k = (ctypes.byref(ctypes.c_int(size)) for size in (2, 4, 3))
    one, zero = (ctypes.byref(_REALS[dtype](value)) for value in (1, 0))
    pointers = (ctypes.c_void_p(tensor.data_ptr()) for tensor in (a, b, c))
    A, B, C = pointers
    function.restype = None
    # Fortran's matrices are column by column: it sees all of them transposed.
    function(b"N", b"N", n, m, k, one, B, n, A, k, zero, C, n)
    return torch.equal(c, a @ b)
