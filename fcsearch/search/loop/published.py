"""What a search publishes while it runs, besides its own view: status.json and report.html."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fcsearch.results import RunDirectory, Status, TrialRecord, remove_status, write_status
from fcsearch.search.loop.view import View

if TYPE_CHECKING:
    from fcsearch.report import RunningPage

logger = logging.getLogger(__name__)

# How often the status is written, for those who watch.
_STATUS_SECONDS = 1.0
# How often the search logs why nothing happens.
_WAITING_SECONDS = 0.2


class ForOthers:
    """A view that writes what it sees into the run directory, and passes it on.

    Args:
        view: Shows it.
        run: The run directory.
        page_every: Seconds before the first page and between two pages; 0: none is written.
    """

    def __init__(self, view: View, run: RunDirectory, *, page_every: float) -> None:
        self._view = view
        self._run = run
        self._page_every = page_every
        self._page: RunningPage | None = None
        self._began = self._wrote = time.monotonic()

    def started(self, lines: Mapping[str, str]) -> None:
        """Pass it on."""
        self._view.started(lines)

    def update(self, status: Status) -> None:
        """Write the status every second, and make sure that the page is written."""
        now = time.monotonic()
        if now >= self._wrote + (_WAITING_SECONDS if status.waiting else _STATUS_SECONDS):
            self._wrote = now
            write_status(self._run.path, status)
        if self._page is None and self._page_every and now >= self._began + self._page_every:
            self._start_page()
        self._view.update(status)

    def recorded(self, trials: Sequence[TrialRecord]) -> None:
        """Pass them on."""
        self._view.recorded(trials)

    def notice(self, text: str) -> None:
        """Pass it on."""
        self._view.notice(text)

    def ended(self, status: Status) -> None:
        """Pass it on; other stages may follow."""
        write_status(self._run.path, status)
        self._view.ended(status)

    def close(self, *, report: bool = False) -> None:
        """Write nothing more.

        Args:
            report: Whether the search writes its report now; else the last page is left to the process that wrote the
                others.
        """
        remove_status(self._run.path)
        if self._page is not None:
            if report:
                self._page.stop()
            else:
                self._page.leave()

    def _start_page(self) -> None:
        from fcsearch.report import RunningPage

        try:
            self._page = RunningPage(self._run, self._page_every)
        except OSError as error:
            # For example too many processes: the search continues without the page.
            self._page_every = 0
            logger.warning("no page is written while the search is running: %s", error)
