"""The progress of a search that is not complete, and how to continue it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fcsearch.privacy import Privacy
from fcsearch.report.model import Report
from fcsearch.report.words import about, capitalised, duration, pace, plural
from fcsearch.results import PackStatus, Status


@dataclass(frozen=True)
class Progress:
    """What the page says at the top about a search that is not complete.

    Attributes:
        done: Trials that are done, or trainings of the steps after them.
        total: How many there are to be.
        sentences: The progress, in words.
        packs: What each worker does: the pack, and where it trains.
        command: The command that continues the search; None while it is running.
        written: When the page was written, UTC.
        every: After how many seconds to look for the next page; None if there will be none.
    """

    done: int
    total: int
    sentences: tuple[str, ...]
    packs: tuple[tuple[str, str], ...]
    command: str | None
    written: datetime
    every: float | None


def progress_of(report: Report, status: Status | None, privacy: Privacy, every: float | None) -> Progress | None:
    """The progress of the search; None if it is complete.

    Args:
        report: The run's report; its path is the page's name for the run.
        status: The search's status, if it is running and has written one.
        privacy: Names the machines.
        every: Seconds until the next page.
    """
    work, now = report.work, datetime.now(UTC)
    total = max(work.planned or 0, work.done)
    if report.state != "running":
        # Nothing is left to continue; why it failed is said by the error.
        if report.state in ("complete", "failed") and work.done >= total:
            return None
        ended = {"complete": "The search ended", "failed": "The search failed"}
        why = ended.get(report.ending, f"The search was {report.ending}")
        left = f", with {work.unfinished:,} unfinished" if work.unfinished else ""
        told = f"{why} after {work.done:,} of {plural(total, 'trial')}{left}. Finished trials are kept. To continue:"
        command = shlex.join(["fcsearch", "resume", report.path])
        return Progress(work.done, total, (told,), (), command, now, None)
    if status is None:
        told = f"{work.done:,} of {plural(total, 'trial')} are done."
        return Progress(work.done, total, (told,), (), None, now, every)
    packs = tuple(_pack(pack, privacy) for pack in status.packs)
    return Progress(status.done, status.total, tuple(_sentences(status)), packs, None, now, every)


def _sentences(status: Status) -> Sequence[str]:
    training = sum(pack.alive for pack in status.packs)
    rest = max(0, status.total - status.done - sum(pack.trials for pack in status.packs))
    states = [f"{count:,} {state}" for state, count in status.counts.items() if count and state != "complete"]
    told = f" ({', '.join(states)})" if states else ""
    done = f"{status.done:,} of {status.total:,} {status.what} are done{told}"
    found = [f"{done}, {training:,} are in training, {rest:,} are left."]
    time = f"{duration(status.seconds)} so far"
    time += f", {speed}" if (speed := pace(status)) else ""
    if status.seconds_left is not None and status.done < status.total:
        time += f", {about(status.seconds_left)} left"
        time += f", then {status.then}" if status.then else ""
    found.append(f"{time}.")
    if status.closing:
        found.append("It is ending: no new pack starts.")
    elif status.waiting:
        found.append(f"{capitalised(status.waiting)}.")
    return found


def _pack(pack: PackStatus, privacy: Privacy) -> tuple[str, str]:
    name = f"pack {pack.pack_id}, {plural(pack.trials, 'trial')}"
    if pack.node is None:
        return name, f"handed out {round(pack.silent_seconds)} s ago" if pack.silent_seconds >= 1 else "handed out"
    where = f"{privacy.node(pack.node)}, {pack.device}"
    return name, f"epoch {pack.epoch} of {pack.epochs}, {pack.alive:,} still train, on {where}"
