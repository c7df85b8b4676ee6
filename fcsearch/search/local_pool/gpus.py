"""Which GPU each worker process trains on."""

from __future__ import annotations

import os

# Sums of fractions such as 3 x 0.33 must not fail by rounding.
_TOLERANCE = 1e-6


def gpu_of(number: int, gpus: float) -> str | None:
    """The machine's name for the (first) GPU of a worker, as `CUDA_VISIBLE_DEVICES` takes it; None without one.

    Args:
        number: Of the worker, from 0.
        gpus: GPUs of each worker: a share of one, or whole ones.
    """
    if not gpus:
        return None
    index = number // int(1 / gpus + _TOLERANCE) if gpus < 1 else number * int(gpus)
    visible = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return visible[index] if visible else str(index)
