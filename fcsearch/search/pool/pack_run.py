"""Trains one pack on a worker: epoch by epoch, judged at the rungs, for as long as it is given time."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import torch

from fcsearch.config.objective import OBJECTIVES
from fcsearch.search.pool.asha import Rungs, Standing
from fcsearch.search.pool.best_weights import with_best_weights
from fcsearch.search.pool.checkpointing import Checkpointer, make_pack
from fcsearch.search.pool.messages import MemberOutcome, PackOutcome, PackTask, Place, Progress
from fcsearch.search.pool.so_far import SoFar
from fcsearch.training import EpochMetrics, MemberResult, TrainingData, TrialConfig
from fcsearch.training.cohort import AskedToLeave, EpochLeft
from fcsearch.training.judging import network, outputs
from fcsearch.training.memory import free_bytes, pack_bytes

# The rest is for what an estimate leaves out, such as the workspaces of the products.
_SHARE_OF_FREE_MEMORY = 0.8


class PackRun:
    """A pack in training.

    Args:
        task: The pack.
        data: The rows, on the worker's device.
        place: Where the worker is.
        share: Bytes that this worker may take of the memory that it shares; None: not known, or it is alone.
    """

    def __init__(self, task: PackTask, data: TrainingData, place: Place, *, share: int | None = None) -> None:
        self._task = task
        self._place = place
        self._started_at = datetime.now(UTC)
        configs = [trial.config for trial in task.trials]
        _require_memory(configs, data, share)
        self._data = data
        self._pack = make_pack(task, data)
        self._checkpoints = Checkpointer(task, self._pack)
        self._objective = OBJECTIVES[data.objective]
        self._so_far = SoFar(task.trials, self._pack, self._objective) if task.unfinished else None
        self._rungs = Rungs(task.asha, task.rungs) if task.asha else None
        self._best = {member: self._pack.best_gain(member) for member in self._pack.alive}
        self._left = False
        self._trained_at: datetime | None = None
        self._finished_at: dict[int, datetime] = {}
        self._note_who_finished()

    @property
    def over(self) -> bool:
        """Whether every member came to an end, or the pack was left in the middle of an epoch."""
        return self._left or not self._pack.alive

    def train(self, *, seconds: float, leave: AskedToLeave | None = None) -> None:
        """Train whole epochs, at least one, until the time is up or every member came to an end.

        Args:
            seconds: The time.
            leave: Whether to leave the pack in the middle of an epoch: its trials are as before that epoch, its
                checkpoint as then or some epochs earlier. None: it is not left.
        """
        end = time.monotonic() + seconds
        while not self.over:
            if leave is not None:
                self._checkpoints.keep()
            try:
                metrics = self._pack.train_epoch(leave)
            except EpochLeft:
                self._left = True
                return
            self._judge(metrics)
            self._trained_at = self._trained_at or datetime.now(UTC)
            self._note_who_finished()
            if time.monotonic() >= end:
                return

    def progress(self) -> Progress:
        """How it goes, with a checkpoint if it is time for one."""
        alive = self._pack.alive
        return Progress(
            pack_id=self._task.pack_id,
            epoch=self._pack.epoch,
            epochs=max((self._pack.configs[member].epochs for member in alive), default=self._pack.epoch),
            alive=len(alive),
            place=self._place,
            reached=self._so_far.look() if self._so_far else (),
            trained_at=self._trained_at,
            checkpoint=self._checkpoints.due(),
        )

    def outcome(self, log: tuple[str, ...] = ()) -> PackOutcome:
        """What came of it. The trials of members that still train go on waiting, for the checkpoint."""
        checkpoint = self._checkpoints.last(in_epoch=self._left)
        left = self._pack.alive
        self._pack.stop(left)
        results = self._pack.results()
        members = [
            MemberOutcome(self._task.trials[member].trial_id, results[member], finished_at)
            for member, finished_at in sorted(self._finished_at.items())
        ]
        kept = with_best_weights(members, self._task)
        if self._task.unfinished:
            # Apart from those: their figures may still change, and no trial that has ended loses its weights to them.
            kept += with_best_weights(self._unfinished([(member, results[member]) for member in left]), self._task)
        return PackOutcome(
            pack_id=self._task.pack_id,
            members=tuple(map(self._with_predictions, kept)),
            place=self._place,
            started_at=self._started_at,
            log=log,
            trained_at=self._trained_at,
            checkpoint=checkpoint,
        )

    def _unfinished(self, left: Sequence[tuple[int, MemberResult]]) -> list[MemberOutcome]:
        """What members that are left now have reached; those without a measured epoch are left out."""
        now = datetime.now(UTC)
        return [
            MemberOutcome(self._task.trials[member].trial_id, dataclasses.replace(found, state="unfinished"), now)
            for member, found in left
            if found.best is not None
        ]

    def _note_who_finished(self) -> None:
        """Those that had come to their end before this worker took the pack did so, for the record, when it did."""
        now, alive = datetime.now(UTC), set(self._pack.alive)
        for member in range(len(self._task.trials)):
            if member not in alive:
                self._finished_at.setdefault(member, now)

    def _with_predictions(self, member: MemberOutcome) -> MemberOutcome:
        """The outcome with what is predicted in each fold, if that is wanted, and the first fold's weights alone."""
        result = member.result
        kept = dataclasses.replace(result, others=())
        if not (self._task.predict and result.weights):
            return dataclasses.replace(member, result=kept)
        folds = self._data.in_form(result.config.input_form).folds
        parts = [
            outputs(network(result.config, weights).to(self._data.device), fold.X_val).half().cpu().numpy()
            for weights, fold in zip(result.by_fold, folds, strict=True)
        ]
        return dataclasses.replace(member, result=kept, predicted=np.concatenate(parts))

    def _judge(self, metrics: dict[int, EpochMetrics]) -> None:
        for member, values in metrics.items():
            if self._objective.name in values.val:
                gain = self._objective.gain(values.val[self._objective.name])
                self._best[member] = max(self._best[member], gain)
        ends = {member: self._task.trials[member].ends_at for member in metrics}
        self._pack.stop([member for member, end in ends.items() if end == self._pack.epoch])
        if self._rungs is not None:
            # A trial is worth what its best epoch is worth; one that diverged has left the race.
            standing = {
                member: Standing(self._best[member], self._pack.configs[member].epochs)
                for member, values in metrics.items()
                if not values.diverged and ends[member] is None
            }
            self._pack.stop(self._rungs.judge(self._pack.epoch, standing))


def memory_share(device: torch.device, *, workers: int) -> int | None:
    """Bytes that each of so many workers may take of its device's free memory; None if that cannot be told."""
    free = free_bytes(device)
    return None if free is None else free // workers


def _require_memory(configs: Sequence[TrialConfig], data: TrainingData, share: int | None) -> None:
    """Raise MemoryError for a pack that the device has no room for: the search halves packs that fail."""
    limits = [found for found in (free_bytes(data.device), share) if found is not None]
    needed = pack_bytes(configs, data)
    if limits and needed > _SHARE_OF_FREE_MEMORY * min(limits):
        members = f"a pack of {len(configs)} trials" if len(configs) > 1 else "this trial"
        raise MemoryError(
            f"{members} must fit into {_SHARE_OF_FREE_MEMORY * min(limits):,.0f} bytes, this worker's share of the "
            f"memory; found a need of {needed:,}; use smaller layers, or fewer workers"
        )
