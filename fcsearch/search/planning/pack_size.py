"""How many trials a pack holds."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import optuna

from fcsearch.data import Dataset
from fcsearch.search.options import PackSize
from fcsearch.search.planning.pack_cost import pack_seconds
from fcsearch.search.planning.placement import Placement
from fcsearch.space import SearchSpace
from fcsearch.training import TrialConfig

# Sizes that are weighed on a CPU. A GPU's gain is not measured yet: as many as are sure to fit small nets.
_CPU_SIZES = (1, 2, 4, 8, 16, 32)
_MOST_ON_A_GPU = 64
# The smallest size wins whose steps take no longer than this times the best: small packs waste less of the sampler.
_NEARLY = 1.05
# Configurations that are drawn from the space to see what its packs look like.
_DRAWN = 96
# A sampler that learns should see results this many times in a run.
_ROUNDS = 10
# Each worker gets so many packs: enough to even out their lengths.
_PACKS_PER_WORKER = 3
# For the sampler's sake no pack is made smaller than this.
_LEAST = 4


def choose_pack_size(
    asked: PackSize, *, space: SearchSpace, dataset: Dataset | None, trials: int, placement: Placement, learns: bool
) -> int | None:
    """The size of the run's packs; None: it depends on the dataset, which is not known yet.

    Args:
        asked: What the user says: a number is taken as it is.
        space: What is searched.
        dataset: What is learned.
        trials: Trials of the run.
        placement: The workers.
        learns: Whether the sampler's suggestions depend on results.
    """
    if asked != "auto":
        return asked
    if placement.gpus:
        most = _MOST_ON_A_GPU
    elif dataset is not None:
        most = efficient_size(draw(space), dataset)
    else:
        return None
    even = trials // (placement.workers * _PACKS_PER_WORKER)
    size = min(even, max(_LEAST, trials // _ROUNDS)) if learns else even
    return max(1, min(most, size))


def efficient_size(configs: Sequence[TrialConfig], dataset: Dataset) -> int:
    """The smallest size of packs in which such trials train nearly as fast as they can on a CPU core.

    Args:
        configs: Trials as a sampler would suggest them, one after the other.
        dataset: What is learned.
    """
    cost = functools.partial(
        pack_seconds, rows=len(dataset.train.y), input_dim=dataset.input_dim, num_classes=dataset.num_classes
    )
    seconds = {
        size: sum(cost(configs[first : first + size]) for first in range(0, len(configs), size)) for size in _CPU_SIZES
    }
    best = min(seconds.values())
    return next(size for size in _CPU_SIZES if seconds[size] <= _NEARLY * best)


def draw(space: SearchSpace) -> list[TrialConfig]:
    """Configurations drawn at random from a space, the same ones every time."""
    study = optuna.create_study(study_name="pack size", sampler=optuna.samplers.RandomSampler(seed=0))
    return [space.trial_config(space.suggest(study.ask()), seed=0) for _ in range(_DRAWN)]


def next_pack_size(size: int, *, remaining: int, workers: int) -> int:
    """The size of the next pack: towards the end what is left is spread over all workers."""
    return max(1, min(size, math.ceil(remaining / workers)))
