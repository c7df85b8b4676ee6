"""How many threads torch computes with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

# About a hundredth of a second of one core. Torch splits work a hundred times as small, and then its threads wait for
# each other: each time as long as a scheduler's turn, where other processes want the cores.
_WORTH_SHARING = 1e9


@contextlib.contextmanager
def threads_for(multiplications: float) -> Iterator[None]:
    """Compute with one thread within this block if that is all that its largest piece of work is worth.

    Args:
        multiplications: Of that piece: rows times weights, for a network and what it is measured on; 0: with one.
    """
    threads = torch.get_num_threads()
    if multiplications < _WORTH_SHARING:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
