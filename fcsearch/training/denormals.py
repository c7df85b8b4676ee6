"""Numbers too small for full precision (denormals) are taken for 0 in training: on a CPU each costs a hundred others.

A weight that decays, or the mean of squared gradients of a unit that is dead, passes through them on its way to 0.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import torch

_SMALLEST = sys.float_info.min  # of full precision: its half is a denormal


def flushes_denormals() -> bool:
    """Whether this thread takes denormals for 0. Torch can set that but not tell it; arithmetic shows it."""
    return _SMALLEST / 2 == 0


@contextlib.contextmanager
def flushed_denormals() -> Iterator[None]:
    """Take denormals for 0 in this thread, and leave it as it was; does nothing on a CPU that cannot."""
    before = flushes_denormals()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
