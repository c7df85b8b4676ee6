"""Numbers too small for full precision (denormals) count as 0 in training: on a CPU each costs as much as a hundred.

A decaying weight, or the mean of squared gradients of a dead unit, passes through them on its way to 0.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import torch

_SMALLEST = sys.float_info.min  # of full precision: its half is a denormal


def flushes_denormals() -> bool:
    """Whether this thread treats denormals as 0. Torch can set this but not report it; arithmetic shows it."""
    return _SMALLEST / 2 == 0


@contextlib.contextmanager
def flushed_denormals() -> Iterator[None]:
    """Treat denormals as 0 in this thread, and restore the setting afterwards; does nothing if the CPU cannot."""
    before = flushes_denormals()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
