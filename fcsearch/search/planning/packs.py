"""How large a pack is, and which trials train together.

All of it is decided here. A plan chooses the largest size of a pack (`choose_pack_size`): by the user's option, by how
fast packs of this space train (predicted by pack_cost.py), and so that there are enough packs for workers and sampler.
The Planner cuts trials into packs of at most that size, similar ones together, and smaller packs towards the end. A
pack that does not fit on a device is refused by the worker, the only one that can tell, and halved by the loop.
"""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

import optuna

from fcsearch.config import TrialConfig
from fcsearch.data import Dataset
from fcsearch.search.options import PackSize
from fcsearch.search.planning.pack_cost import pack_seconds
from fcsearch.search.planning.placement import Placement
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.space import SearchSpace
from fcsearch.training.shape import Shape

# Sizes that are compared on a CPU. A GPU gains up to hundreds of small nets (docs/performance.md); a pack of larger
# ones that does not fit is halved.
_CPU_SIZES = (1, 2, 4, 8, 16, 32)
_MOST_ON_A_GPU = 256
# The smallest size wins whose steps take no longer than this times the best: small packs waste less of the sampler.
_NEARLY = 1.05
# Configurations that are drawn from the space as a sample of its packs.
_DRAWN = 96
# A sampler that learns should see results this many times in a run.
_ROUNDS = 10
# Each worker gets at least this many packs, to even out their lengths.
_PACKS_PER_WORKER = 3
# For the sampler's sake no pack is made smaller than this.
_LEAST = 4
# With a sampler that does not learn, so many packs are asked for together and sorted: alike trials train fastest.
_PACKS_TOGETHER = 8


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
        most = max(1, _MOST_ON_A_GPU // (space.dataset.folds or 1))
    elif dataset is not None:
        most = efficient_size(draw(space), dataset)
    else:
        return None
    even = trials // (placement.workers * _PACKS_PER_WORKER)
    size = min(even, max(_LEAST, trials // _ROUNDS)) if learns else even
    return max(1, min(most, size))


def efficient_size(configs: Sequence[TrialConfig], dataset: Dataset) -> int:
    """The smallest pack size with which such trials train nearly as fast as possible on a CPU core.

    Args:
        configs: Trials as a sampler would suggest them, one after the other.
        dataset: What is learned.
    """
    cost = functools.partial(
        pack_seconds,
        rows=len(dataset.train.y),
        shape=lambda config: Shape.of(config, dataset.in_form(config.input_form)),
        folds=len(dataset.folds),
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
    """The size of the next pack: towards the end the remaining trials are spread over all workers."""
    return max(1, min(size, math.ceil(remaining / workers)))


class Planner:
    """Decides how many trials to ask the sampler for, and sorts them into packs.

    Args:
        remaining: Trials that are still to be asked for.
        pack_size: Most trials in a pack.
        learns: Whether the sampler's suggestions depend on results.
    """

    def __init__(self, *, remaining: int, pack_size: int, learns: bool) -> None:
        self.remaining = remaining
        self._pack_size = pack_size
        self._learns = learns

    def next_count(self, *, workers: int) -> int:
        """How many trials to ask for next, together; they then count as asked for. 0: all have been.

        Args:
            workers: How many packs train at a time.
        """
        if self._learns:
            count = next_pack_size(self._pack_size, remaining=self.remaining, workers=workers)
        else:
            count = self._together(workers)
        count = min(count, self.remaining)
        self.remaining -= count
        return count

    def packs_again(
        self,
        waiting: Sequence[PlannedTrial],
        done: Sequence[PlannedTrial],
        *,
        workers: int,
        kept: Mapping[int, object] | None = None,
    ) -> list[tuple[PlannedTrial, ...]]:
        """Sort trials that wait after an interruption into packs.

        Where the sampler does not learn they are the packs that there were, without the trials that are done: then
        early stopping sees the same trials beside each other in the same order. Trials of different checkpoints never
        share a pack, being at different epochs; those of one stay together.

        Args:
            waiting: Trials without a row.
            done: Trials with one.
            workers: How many packs train at a time.
            kept: The checkpoint of each trial that has one.
        """
        if self._learns:
            together, rest = _by_checkpoint(waiting, kept or {})
            return [*map(tuple, together), *self.packs(rest, workers=workers, spread=True)]
        asked: dict[int, list[PlannedTrial]] = defaultdict(list)
        for trial in (*done, *waiting):
            asked[trial.trial_id // self._together(workers)].append(trial)
        found = [pack for _, together in sorted(asked.items()) for pack in self.packs(together, workers=workers)]
        ids = {trial.trial_id for trial in waiting}
        left = ([trial for trial in pack if trial.trial_id in ids] for pack in found)
        cut = (_by_checkpoint(pack, kept or {}) for pack in left)
        return [tuple(pack) for together, rest in cut for pack in (*together, rest) if pack]

    def _together(self, workers: int) -> int:
        return self._pack_size * max(_PACKS_TOGETHER, workers)

    def packs(
        self, trials: Sequence[PlannedTrial], *, workers: int, spread: bool = False
    ) -> list[tuple[PlannedTrial, ...]]:
        """Sort trials into packs of equal size, those that share a shape beside each other.

        Args:
            trials: What `next_count` asked for, or trials that wait.
            workers: How many packs train at a time.
            spread: Make packs for all workers, also of trials that fit one.
        """
        if not trials:
            return []
        ordered = sorted(trials, key=_kinship)
        share = workers if spread or not self._learns else 1
        size = next_pack_size(self._pack_size, remaining=len(ordered), workers=share)
        count = math.ceil(len(ordered) / size)
        bounds = [round(number * len(ordered) / count) for number in range(count + 1)]
        return [tuple(ordered[first:end]) for first, end in pairwise(bounds)]


def _by_checkpoint(
    trials: Sequence[PlannedTrial], kept: Mapping[int, object]
) -> tuple[list[list[PlannedTrial]], list[PlannedTrial]]:
    """Trials that have a checkpoint in common, group by group, and those that have none."""
    groups: dict[object, list[PlannedTrial]] = {}
    for trial in trials:
        groups.setdefault(kept.get(trial.trial_id), []).append(trial)
    rest = groups.pop(None, [])
    return list(groups.values()), rest


def _kinship(trial: PlannedTrial) -> tuple[object, ...]:
    """Sort key: minibatches in common first, then losses and depths, then whole lanes."""
    config = trial.config
    return config.batch_size, config.loss, config.depth, config.lane_key, trial.trial_id
