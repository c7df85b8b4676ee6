"""The state of a search from its files, for other processes."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from datetime import UTC, datetime

from fcsearch.report.words import duration
from fcsearch.results import RunDirectory, Status, TrialRecord, read_status
from fcsearch.results.ending import ending_and_trials
from fcsearch.results.timing import work_clock
from fcsearch.search.loop.standings import Standings
from fcsearch.selection.trained_again import trainings_that_count

# A running search writes its status every second.
_SILENCE_SECONDS = 10.0


class Watched:
    """A run that another process writes; it is read again when there is something new.

    Args:
        run: The run directory.
    """

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._new = run.new_trials()
        self._trials: list[TrialRecord] = []
        self._standings = Standings(1)
        self._said: tuple[float, float] = (-1.0, time.monotonic())

    def going(self) -> bool:
        """Whether a process is at work on it; RunError if its manifest is damaged."""
        return self._run.is_held() or self._run.state() == "running"

    def ended(self) -> str | None:
        """How it has ended, in words; None while it is `going`; RunError if its manifest is damaged."""
        if self.going():
            return None
        manifest, left = self._run.manifest(), len(self._run.unfinished_trials())
        done = len(self._run.ended_trials())
        return ending_and_trials(
            self._run.state(), manifest.ended_by, done=done, planned=manifest.planned, unfinished=left
        )

    def complete(self) -> bool:
        """Whether it has ended as planned, with all of its trials or its time; RunError if its manifest is damaged."""
        return not self.going() and self._run.state() == "complete"

    def silent(self) -> bool:
        """Whether that process says nothing of a search: it reads the data of a session, or writes the report."""
        return self._run.state() != "running" and read_status(self._run.path) is None

    def look(self) -> list[TrialRecord]:
        """The trials that have come to an end since the last look.

        Raises:
            RunError: a part of the tables is damaged.
        """
        new = [TrialRecord.from_row(row) for row in self._new.read().to_pylist()]
        self._trials += new
        self._standings.add(new)
        return new

    def status(self) -> Status:
        """The status that the search wrote, else the status according to its tables."""
        said = read_status(self._run.path) if self.going() else None
        if said is None:
            return self._from_tables()
        now = time.monotonic()
        if said.seconds != self._said[0]:
            self._said = (said.seconds, now)
        # The machines' clocks may differ; this one's tells how long it was.
        silent = now - self._said[1]
        if silent < _SILENCE_SECONDS:
            return said
        return dataclasses.replace(said, waiting=f"the search has not written its status for {duration(silent)}")

    def _from_tables(self) -> Status:
        manifest = self._run.manifest()
        asked = manifest.confirmation
        if asked and asked.trials and len(self._trials) >= (manifest.planned or 0):
            # All trials are done: the best are trained again.
            # Those of an earlier confirmation are not counted.
            counts = Counter(
                row["state"]
                for row in trainings_that_count(self._run)
                if row["trial_id"] in asked.trials and row["seed"] in asked.seeds
            )
            total, what = len(asked.trials) * len(asked.seeds), "confirmations"
        else:
            counts = Counter(trial.state for trial in self._trials)
            total, what = manifest.planned or len(self._trials), "trials"
        seconds = self._seconds()
        return Status(
            total=total,
            counts=dict(counts),
            packs=(),
            best=self._standings.leaders,
            seconds=seconds,
            seconds_left=self._left(total, seconds) if what == "trials" else None,
            closing=None,
            what=what,
            per_minute=60 * sum(counts.values()) / seconds if seconds and what == "trials" else None,
            course=self._standings.course,
        )

    def _seconds(self) -> float:
        """Of work so far, by this machine's clock."""
        packs = [(trial.started_at, trial.finished_at) for trial in self._trials]
        known = [(began, ended) for began, ended in packs if began is not None and ended is not None]
        clock = work_clock(self._run.manifest(), known, running=self._run.state() == "running")
        return clock.seconds(datetime.now(UTC)) if clock else 0.0

    def _left(self, total: int, seconds: float) -> float | None:
        done = len(self._trials)
        return seconds / done * max(0, total - done) if done else None
