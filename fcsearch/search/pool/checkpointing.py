"""The checkpoints that a worker sends of a pack in training, and how trials continue from them elsewhere."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Mapping, Sequence

import torch

from fcsearch.errors import ConfigError
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.messages import MOST_CHECKPOINT_BYTES, PackTask
from fcsearch.training import Pack, TrainingData
from fcsearch.training.checkpoint import SavedPack, load, reading
from fcsearch.training.memory import free_bytes

logger = logging.getLogger(__name__)

# To make one takes copies: of the tensors, of their bytes, of the whole and of the message.
_COPIES = 4
# Of a pack's time at most this part goes into its checkpoints, and as much into what is kept for leaving.
_SHARE = 0.01
# A pack that is left may send what else it would have sent in this time.
_LAST_SECONDS = 20.0
# A pack that may be left in the middle of an epoch is kept in memory at most so often.
_KEEP_SECONDS = 1.0


class OtherTrialError(ConfigError):
    """A checkpoint is whole, but of a trial with another configuration, or of none with this number."""


@dataclasses.dataclass(frozen=True)
class SavedTrials:
    """A checkpoint with the trials that it is of.

    Attributes:
        pack: The pack.
        key: The data and objective of its trials; see `Checkpointing`.
        places: The position in the pack of each trial that can continue.
    """

    pack: SavedPack
    key: str
    places: Mapping[int, int]

    def place(self, trial: PlannedTrial) -> int:
        """The position of a trial in the pack; ConfigError unless it is the same trial, and can continue from here."""
        place = self.places.get(trial.trial_id)
        if place is None or self.pack.configs[place] != trial.config:
            raise OtherTrialError(f"another trial {trial.trial_id}")
        living = place not in self.pack.states
        if self.pack.states.get(place) == "stopped" and trial.ends_at not in (None, self.pack.lengths[place]):
            raise OtherTrialError(f"a shorter training of trial {trial.trial_id}")
        if living and trial.ends_at is not None and trial.ends_at <= self.pack.epoch:
            raise ConfigError(f"trial {trial.trial_id} after its end")
        return place


def read_checkpoint(content: bytes, key: str) -> SavedTrials:
    """Read a checkpoint; ConfigError if it is damaged, or of trials on other data."""
    pack = load(content)
    with reading():
        trials = [None if number is None else int(number) for number in pack.facts["trials"]]
        known = [number for number in trials if number is not None]
        if len(trials) != len(pack.configs) or len(set(known)) != len(known):
            raise ConfigError("members that are not trials")
        if pack.facts["key"] != key:
            raise ConfigError("trials of other data")
    return SavedTrials(pack, key, {number: place for place, number in enumerate(trials) if number is not None})


def make_pack(task: PackTask, data: TrainingData) -> Pack:
    """The pack of a task: from its checkpoint, or from the start if it has none that can be used."""
    if task.checkpoint is not None and task.checkpoints is not None:
        try:
            saved = read_checkpoint(task.checkpoint, task.checkpoints.key)
            places = [saved.place(trial) for trial in task.trials]
            return Pack.restore(saved.pack, places, data, keep_last=task.keep_last)
        except ConfigError as error:
            logger.warning("the trials of pack %d start over: %s", task.pack_id, error)
    return Pack([trial.config for trial in task.trials], data, keep_last=task.keep_last)


class Checkpointer:
    """Makes the checkpoints of a pack in training, as often as its task says.

    Args:
        task: The task.
        pack: The pack.
    """

    def __init__(self, task: PackTask, pack: Pack) -> None:
        self._rule = task.checkpoints
        self._pack = pack
        self._pack_id = task.pack_id
        self._trials: Sequence[int] = [trial.trial_id for trial in task.trials]
        # What was sent last, or what the pack began with.
        self._epoch = pack.epoch
        self._since = time.monotonic()
        self._took = 0.0
        self._refused = False
        # What `last` returns in the middle of an epoch, and when it is made anew.
        self._kept: SavedPack | None = None
        self._keep_at = self._since

    def due(self) -> bytes | None:
        """A checkpoint of the pack, if it is time for one."""
        if self._rule is None:
            return None
        seconds = time.monotonic() - self._since
        rest = self._took / _SHARE if self._rule.every else 0.0
        if seconds < max(self._rule.every, rest) or not self._may_send(seconds):
            return None
        began = time.monotonic()
        content = self._saved(ended=True).dump()
        self._epoch, self._since, self._kept = self._pack.epoch, time.monotonic(), None
        self._took = self._since - began
        return content

    def keep(self) -> None:
        """Keep the pack as it is for `last`, in case that its next epoch is left in the middle, if it is time for that.

        The first time it is: what a session has trained is not lost, however short it is.
        """
        now = time.monotonic()
        if not self._is_new or now < self._keep_at:
            return
        if self._pack.state_bytes <= min(_room(), self._sendable(self._last_seconds())):
            self._kept = self._saved(ended=False).clone()
        took = time.monotonic() - now
        self._keep_at = now + max(_KEEP_SECONDS, took / _SHARE)

    def last(self, *, in_epoch: bool = False) -> bytes | None:
        """A checkpoint of a pack that is left now, if there is something new to keep: of the trials that still train.

        The outcome has the others.

        Args:
            in_epoch: Whether it is left in the middle of an epoch: the checkpoint is of an epoch before.
        """
        if in_epoch:
            return None if self._kept is None or self._refused else self._kept.dump()
        return self._saved(ended=False).dump() if self._may_send(self._last_seconds()) else None

    @property
    def _is_new(self) -> bool:
        """Whether some trial still trains, and has trained since the last one."""
        return self._rule is not None and bool(self._pack.alive) and self._pack.epoch != self._epoch

    def _saved(self, *, ended: bool) -> SavedPack:
        """The pack as it is, with the trials that ended or without."""
        assert self._rule is not None
        living = set(self._pack.alive)
        trials = [number if ended or place in living else None for place, number in enumerate(self._trials)]
        return self._pack.saved({"trials": trials, "key": self._rule.key}, results=ended)

    def _last_seconds(self) -> float:
        return max(_LAST_SECONDS, time.monotonic() - self._since)

    def _sendable(self, seconds: float) -> float:
        """How many bytes may be sent in so many seconds."""
        assert self._rule is not None
        return seconds * self._rule.bytes_per_second

    def _may_send(self, seconds: float) -> bool:
        """Whether there is something new, and no more than so many seconds allow; says once if there is no room."""
        if self._refused or not self._is_new:
            return False
        size = self._pack.state_bytes
        self._refused = size > (room := _room())
        if self._refused:
            logger.warning(
                "pack %d has no checkpoints: its state, %s bytes, is more than the %s that there is room for",
                self._pack_id,
                f"{size:,}",
                f"{room:,}",
            )
        return not self._refused and size <= self._sendable(seconds)


def _room() -> int:
    """How many bytes a checkpoint may have at present."""
    free = free_bytes(torch.device("cpu"))
    return MOST_CHECKPOINT_BYTES if free is None else min(MOST_CHECKPOINT_BYTES, free // _COPIES)
