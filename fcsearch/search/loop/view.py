"""What a search shows while it runs. The search itself prints nothing: the command line brings a view."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fcsearch.config.objective import Objective
from fcsearch.results import TrialRecord
from fcsearch.search.pool.messages import Progress


@dataclasses.dataclass(frozen=True)
class Best:
    """The best trial so far: its number, the objective and its value, and the trial's parameters."""

    trial_id: int
    objective: Objective
    value: float
    parameters: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Status:
    """Where a search stands.

    Attributes:
        total: Trials of the run, or trainings of what is done after it.
        counts: Trials that are done, by state (`complete`, `stopped`, `diverged`, `failed`).
        packs: The packs in training.
        best: The best trial so far.
        seconds: Since the search began to train.
        seconds_left: An estimate of what remains, None before the first result.
        closing: Why no new pack starts, if so.
        what: What is counted.
    """

    total: int
    counts: Mapping[str, int]
    packs: tuple[Progress, ...]
    best: Best | None
    seconds: float
    seconds_left: float | None
    closing: str | None
    what: str = "trials"

    @property
    def done(self) -> int:
        """Trials that are done."""
        return sum(self.counts.values())


class View(Protocol):
    """Takes the events of a search, all in the main thread."""

    def started(self, lines: Mapping[str, str]) -> None:
        """The plan, as label and text, before the first pack is trained."""

    def update(self, status: Status) -> None:
        """Where the search stands: several times a second."""

    def recorded(self, trials: Sequence[TrialRecord]) -> None:
        """Trials that came to an end."""

    def notice(self, text: str) -> None:
        """Something that the user should know."""

    def ended(self, status: Status) -> None:
        """The last event: where the search stood when it ended."""


class SilentView:
    """Shows nothing."""

    def started(self, lines: Mapping[str, str]) -> None:
        """Pass over the plan."""

    def update(self, status: Status) -> None:
        """Pass over the status."""

    def recorded(self, trials: Sequence[TrialRecord]) -> None:
        """Pass over the trials."""

    def notice(self, text: str) -> None:
        """Pass over the notice."""

    def ended(self, status: Status) -> None:
        """Pass over the end."""
