"""Which trials train together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from fcsearch.search.planning.pack_size import next_pack_size
from fcsearch.search.planning.trials import PlannedTrial

# With a sampler that does not learn, so many packs are asked for together and sorted: alike trials train fastest.
_PACKS_TOGETHER = 8


class Planner:
    """Decides how many trials to ask the sampler for, and sorts them into packs.

    Args:
        remaining: Trials that are still to be asked for.
        pack_size: Most trials in a pack.
        workers: How many packs train at a time.
        learns: Whether the sampler's suggestions depend on results.
    """

    def __init__(self, *, remaining: int, pack_size: int, workers: int, learns: bool) -> None:
        self.remaining = remaining
        self._pack_size = pack_size
        self._workers = workers
        self._learns = learns

    def next_count(self) -> int:
        """How many trials to ask for next, together: counted as asked. 0: all have been."""
        if self._learns:
            count = next_pack_size(self._pack_size, remaining=self.remaining, workers=self._workers)
        else:
            count = self._pack_size * max(_PACKS_TOGETHER, self._workers)
        count = min(count, self.remaining)
        self.remaining -= count
        return count

    def packs(self, trials: Sequence[PlannedTrial], *, spread: bool = False) -> list[tuple[PlannedTrial, ...]]:
        """Sort trials into packs of equal size, those that share a shape beside each other.

        Args:
            trials: What `next_count` asked for, or trials that wait.
            spread: Make packs for all workers, also of trials that fit one.
        """
        if not trials:
            return []
        ordered = sorted(trials, key=_kinship)
        workers = self._workers if spread or not self._learns else 1
        size = next_pack_size(self._pack_size, remaining=len(ordered), workers=workers)
        count = math.ceil(len(ordered) / size)
        bounds = [round(number * len(ordered) / count) for number in range(count + 1)]
        return [tuple(ordered[first:end]) for first, end in pairwise(bounds)]


def _kinship(trial: PlannedTrial) -> tuple[object, ...]:
    config = trial.config
    return (
        config.batch_size,
        config.loss,
        len(config.hidden_dims),
        config.hidden_dims,
        config.input_dropout,
        trial.trial_id,
    )
