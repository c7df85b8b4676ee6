"""The status of a search while it runs: for its own view, and in a file for those who watch it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic

from fcsearch.config.objective import OBJECTIVES
from fcsearch.results.files import ASIDE
from fcsearch.whole_file import whole_file

STATUS = "status.json"


@dataclasses.dataclass(frozen=True)
class Best:
    """One of the best trials so far: its number, its objective's name and value, and its parameters."""

    trial_id: int
    objective: str
    value: float
    parameters: Mapping[str, Any]

    @property
    def shown(self) -> str:
        """The value as text."""
        return OBJECTIVES[self.objective].show(self.value)


@dataclasses.dataclass(frozen=True)
class PackStatus:
    """The progress of a pack that a worker has.

    Attributes:
        pack_id: Its number.
        trials: Its members.
        alive: Members that still train.
        epoch: Epochs trained; 0 before the first report.
        epochs: The most epochs that a living member has to train; 0 before the first report.
        node: The machine; None before the first report.
        device: The device, by the number that the machine gives it; None before the first report.
        silent_seconds: Seconds since its last reported epoch, or since it was handed out.
    """

    pack_id: int
    trials: int
    alive: int
    epoch: int
    epochs: int
    node: str | None
    device: str | None
    silent_seconds: float

    @property
    def trained(self) -> float:
        """How many trials' worth of work is done in it, judging by its epochs."""
        return self.trials * self.epoch / self.epochs if self.epochs else 0.0


@dataclasses.dataclass(frozen=True)
class Status:
    """The status of a search.

    Attributes:
        total: Trials of the run, or trainings of a later stage.
        counts: Trials that are done, by state (`complete`, `stopped`, `diverged`, `failed`).
        packs: The packs in training.
        best: The best trials so far, the best first.
        seconds: Since the search began to train.
        seconds_left: Estimated seconds until all of `what` are done; None before an estimate is possible.
        closing: Why no new pack starts, if so.
        what: What is counted.
        per_minute: How many of `what` end per minute; None before an estimate is possible.
        course: Each best value so far, with how many trials were done when it was found.
        waiting: Why nothing happens, if so.
        then: What comes after it, if anything does.
    """

    total: int
    counts: Mapping[str, int]
    packs: tuple[PackStatus, ...]
    best: tuple[Best, ...]
    seconds: float
    seconds_left: float | None
    closing: str | None
    what: str = "trials"
    per_minute: float | None = None
    course: tuple[tuple[int, float], ...] = ()
    waiting: str | None = None
    then: str | None = None

    @property
    def done(self) -> int:
        """Trials that are done."""
        return sum(self.counts.values())


_READER = pydantic.TypeAdapter(Status)


def write_status(path: Path, status: Status) -> None:
    """Write it to a run directory; ignores a file system that refuses, which the run's tables will report."""
    text = json.dumps(dataclasses.asdict(status), allow_nan=False)
    try:
        # Only useful while the search runs: it need not survive a crash of the machine.
        with whole_file(path / STATUS, aside=path / ASIDE, durable=False) as stream:
            stream.write(text.encode())
    except OSError:
        _overwrite(path / STATUS, text.encode())


def _overwrite(path: Path, content: bytes) -> None:
    """Write a file in its own place, as a full disk still allows if it is no larger; readers pass over half a file."""
    with contextlib.suppress(OSError), path.open("rb+") as stream:
        stream.write(content)
        stream.truncate()


def read_status(path: Path) -> Status | None:
    """The status that the search of a run directory last wrote; None if there is none, or another version wrote it.

    It is only valid while the search runs: a killed search leaves the file behind.
    """
    try:
        return _READER.validate_json((path / STATUS).read_bytes())
    except (OSError, pydantic.ValidationError):
        return None


def remove_status(path: Path) -> None:
    """Remove it, at the search's end."""
    try:
        (path / STATUS).unlink(missing_ok=True)
    except OSError:
        return
