"""The messages between the loop and its workers: a pack to train, its progress, and its outcome."""

from __future__ import annotations

import dataclasses
import math
import socket
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from fcsearch.config.states import UNFINISHED
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.asha import Asha

# The process that drives Ray passes these on, and needs neither torch nor tables.
if TYPE_CHECKING:
    from fcsearch.results.predictions import Predicted
    from fcsearch.training import MemberResult

# Larger packs have no checkpoints.
MOST_CHECKPOINT_BYTES = 2**30


@dataclasses.dataclass(frozen=True)
class Checkpointing:
    """How a pack in training is saved, so that its trials can continue where they were.

    Attributes:
        every: Seconds from one checkpoint to the next, at least.
        bytes_per_second: How much of them the pack may send on average.
        key: Identifies the data and the objective of its trials: they cannot continue with others.
    """

    every: float
    bytes_per_second: float
    key: str


@dataclasses.dataclass(frozen=True)
class PackTask:
    """A pack for a worker to train.

    Attributes:
        pack_id: Its number in the run directory.
        trials: Its members.
        asha: The rule of early stopping, if there is one.
        rungs: What other trials recorded at the rungs.
        keep_models: At most so many members send their weights back.
        weights_above: The gain (see `Objective`) that a member must reach for its weights to be worth sending.
        predict: Whether those that send their weights also send what they predict for the validation rows.
        keep_last: Whether a member's weights are those of its last epoch, in place of its best.
        unfinished: Whether members that are left in the middle send what they have reached, as reports of progress do.
        checkpoints: How it is kept while it trains; None: it is not.
        checkpoint: What its trials go on from; None: they start from the beginning.
    """

    pack_id: int
    trials: tuple[PlannedTrial, ...]
    asha: Asha | None = None
    rungs: Mapping[int, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    keep_models: int = 1
    weights_above: float | None = None
    predict: bool = False
    keep_last: bool = False
    unfinished: bool = False
    checkpoints: Checkpointing | None = None
    checkpoint: bytes | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a pack trains: the machine, and the device by the number that the machine gives it."""

    node: str
    device: str

    @property
    def is_here(self) -> bool:
        """Whether this process is on that machine, too, by its name: `name`, or `name (address)`."""
        return self.node.split(" (")[0] == socket.gethostname()


@dataclasses.dataclass(frozen=True)
class Reached:
    """What a trial has reached so far, in a pack that trains.

    Attributes:
        trial_id: Its number.
        state: How it ended; `unfinished` while it trains.
        epochs: Epochs that it has run.
        seconds: Its share of their wall time.
        best_epoch: Its best epoch; None if none was measured.
        gain: The objective there, negated if less is better; minus infinity without one.
        val_loss: The loss on the validation rows there; None if it is not finite.
    """

    trial_id: int
    state: str = UNFINISHED
    epochs: int = 0
    seconds: float = 0.0
    best_epoch: int | None = None
    gain: float = -math.inf
    val_loss: float | None = None


@dataclasses.dataclass(frozen=True)
class Progress:
    """The progress of a pack.

    Attributes:
        pack_id: Its number.
        epoch: Epochs trained.
        epochs: The most epochs that a living member has to train.
        alive: Members that still train.
        place: Where.
        reached: What its trials with a measured epoch have reached, if the task asks for those that are unfinished.
        trained_at: When its first epoch had been trained, by the worker's clock (UTC); None: that is not known.
        checkpoint: The pack after this epoch, if it was time for it.
    """

    pack_id: int
    epoch: int
    epochs: int
    alive: int
    place: Place
    reached: tuple[Reached, ...] = dataclasses.field(default=(), repr=False)
    trained_at: datetime | None = None
    checkpoint: bytes | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True, repr=False)
class MemberOutcome:
    """The outcome of a trial; it has weights and predictions only if they may be among the best of the run.

    Attributes:
        trial_id: Its number.
        result: Its result, or what it had reached when the pack was left.
        finished_at: When it left the pack, UTC.
        predicted: What it predicts for the validation rows.
    """

    trial_id: int
    result: MemberResult
    finished_at: datetime
    predicted: Predicted | None = None


@dataclasses.dataclass(frozen=True, repr=False)
class PackOutcome:
    """The outcome of a pack.

    Attributes:
        pack_id: Its number.
        members: The trials that ended; and those that the worker had to leave unfinished, where the task asks for them.
        place: Where it was trained.
        started_at: When, UTC.
        log: Lines for the run's log.txt.
        trained_at: When its first epoch there had been trained, UTC; None: none was, as where it was left at once.
        checkpoint: The pack as it was left, where members were left in the middle.
    """

    pack_id: int
    members: tuple[MemberOutcome, ...]
    place: Place
    started_at: datetime
    log: tuple[str, ...] = ()
    trained_at: datetime | None = None
    checkpoint: bytes | None = None
