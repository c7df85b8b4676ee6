"""How torch computes in a worker's process."""

from __future__ import annotations

import torch

from fcsearch.search.planning.placement import Placement


def compute_as(placement: Placement) -> None:
    """Set torch up for this process, before its first operation: later its thread pools stand."""
    torch.set_num_threads(placement.threads)
    torch.set_flush_denormal(True)
    torch.backends.cuda.matmul.allow_tf32 = placement.tf32
