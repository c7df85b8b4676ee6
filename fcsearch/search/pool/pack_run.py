"""Trains one pack on a worker: epoch by epoch, judged at the rungs, for as long as it is given time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from fcsearch.config.objective import OBJECTIVES
from fcsearch.search.pool.asha import Rungs
from fcsearch.search.pool.messages import MemberOutcome, PackOutcome, PackTask, Place, Progress
from fcsearch.search.pool.weights import with_best_weights
from fcsearch.training import EpochMetrics, Pack, TrainingData, TrialConfig
from fcsearch.training.memory import free_bytes, pack_bytes

# The rest is for what an estimate leaves out, such as the workspaces of the products.
_SHARE_OF_FREE_MEMORY = 0.8


class PackRun:
    """A pack in training.

    Args:
        task: The pack.
        data: The rows, on the worker's device.
        place: Where the worker is.
    """

    def __init__(self, task: PackTask, data: TrainingData, place: Place) -> None:
        self._task = task
        self._place = place
        self._started_at = datetime.now(UTC)
        configs = [trial.config for trial in task.trials]
        _require_memory(configs, data)
        self._pack = Pack(configs, data)
        self._objective = OBJECTIVES[data.objective]
        self._rungs = Rungs(task.asha, task.rungs) if task.asha else None
        self._best = dict.fromkeys(self._pack.alive, float("-inf"))
        self._finished_at: dict[int, datetime] = {}

    @property
    def over(self) -> bool:
        """Whether every member came to an end."""
        return not self._pack.alive

    def train(self, *, seconds: float) -> None:
        """Train whole epochs, at least one, until the time is up or every member came to an end."""
        end = time.monotonic() + seconds
        while not self.over:
            self._judge(self._pack.train_epoch())
            now = datetime.now(UTC)
            alive = set(self._pack.alive)
            for member in range(len(self._task.trials)):
                if member not in alive:
                    self._finished_at.setdefault(member, now)
            if time.monotonic() >= end:
                return

    def progress(self) -> Progress:
        """How it goes."""
        alive = self._pack.alive
        return Progress(
            pack_id=self._task.pack_id,
            epoch=self._pack.epoch,
            epochs=max((self._pack.configs[member].epochs for member in alive), default=self._pack.epoch),
            alive=len(alive),
            place=self._place,
        )

    def outcome(self, log: tuple[str, ...] = ()) -> PackOutcome:
        """What came of it. Members that still train are left out: their trials go on waiting."""
        self._pack.stop(self._pack.alive)
        results = self._pack.results()
        members = [
            MemberOutcome(self._task.trials[member].trial_id, results[member], finished_at)
            for member, finished_at in sorted(self._finished_at.items())
        ]
        return PackOutcome(
            pack_id=self._task.pack_id,
            members=with_best_weights(members, self._task),
            place=self._place,
            started_at=self._started_at,
            log=log,
        )

    def _judge(self, metrics: dict[int, EpochMetrics]) -> None:
        for member, values in metrics.items():
            if self._objective.name in values.val:
                gain = self._objective.gain(values.val[self._objective.name])
                self._best[member] = max(self._best[member], gain)
        if self._rungs is not None:
            # A trial is worth what its best epoch is worth; one that diverged has left the race.
            standing = {member: self._best[member] for member, values in metrics.items() if not values.diverged}
            self._pack.stop(self._rungs.judge(self._pack.epoch, standing))


def _require_memory(configs: Sequence[TrialConfig], data: TrainingData) -> None:
    """Raise MemoryError for a pack that the device has no room for: the search halves packs that fail."""
    free = free_bytes(data.device)
    needed = pack_bytes(configs, data)
    if len(configs) > 1 and free is not None and needed > _SHARE_OF_FREE_MEMORY * free:
        raise MemoryError(f"a pack of {len(configs)} trials takes {needed:,} bytes; {data.device} has {free:,} free")
