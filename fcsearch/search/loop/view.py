"""The view of a running search. The search itself prints nothing: the command line provides a view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from fcsearch.results import Status, TrialRecord


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
