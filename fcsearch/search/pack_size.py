"""How many trials a pack holds."""

from __future__ import annotations

import math

from fcsearch.search.options import PackSize
from fcsearch.search.placement import Placement

# Beyond this a pack of small nets gains nothing on a core (docs/performance.md). The GPU's figure is not measured yet.
_MOST_ON_A_CPU = 16
_MOST_ON_A_GPU = 64
# A sampler that learns should see results this many times in a run.
_ROUNDS = 10
# Each worker gets so many packs: enough to even out their lengths.
_PACKS_PER_WORKER = 3
# Smaller packs leave much of the gain: two-layer nets on CIFAR-10 train 1.7 times as fast in packs of 6 as alone.
_LEAST = 4


def choose_pack_size(asked: PackSize, *, trials: int, placement: Placement, learns: bool) -> int:
    """The size of the run's packs.

    Args:
        asked: What the user says: a number is taken as it is.
        trials: Trials of the run.
        placement: The workers.
        learns: Whether the sampler's suggestions depend on results.
    """
    if asked != "auto":
        return asked
    most = _MOST_ON_A_GPU if placement.gpus else _MOST_ON_A_CPU
    even = trials // (placement.workers * _PACKS_PER_WORKER)
    size = min(even, max(_LEAST, trials // _ROUNDS)) if learns else even
    return max(1, min(most, size))


def next_pack_size(size: int, *, remaining: int, workers: int) -> int:
    """The size of the next pack: towards the end what is left is spread over all workers."""
    return max(1, min(size, math.ceil(remaining / workers)))
