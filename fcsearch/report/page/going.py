"""How far a search is that has not done all that it was to do, and how it goes on."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fcsearch.report.model import Report
from fcsearch.report.page.privacy import Privacy
from fcsearch.report.words import about, duration, number, plural
from fcsearch.results import PackStatus, Status


@dataclass(frozen=True)
class Going:
    """What the page says on top of a search that is not complete.

    Attributes:
        done: Trials that are done, or trainings of what comes after them.
        total: Of so many.
        sentences: How far it is.
        packs: What each worker does: the pack, and where it trains.
        command: What goes on with it; None while it goes on.
        written: When the page was written, UTC.
        every: After how many seconds to look for the next page; None if there is none to come.
    """

    done: int
    total: int
    sentences: tuple[str, ...]
    packs: tuple[tuple[str, str], ...]
    command: str | None
    written: datetime
    every: float | None


def going_of(report: Report, status: Status | None, privacy: Privacy, every: float | None) -> Going | None:
    """How far the search is; None if it is complete.

    Args:
        report: What is said of the run; its path is what the page calls it.
        status: Where the search stands, if it goes on and says so.
        privacy: Names the machines.
        every: After how many seconds there is to be another page.
    """
    work, now = report.work, datetime.now(UTC)
    total = max(work.planned or 0, work.done)
    if report.state != "running":
        if report.state == "complete" and work.done >= total:
            return None
        ended = {"complete": "The search ended", "failed": "The search failed"}
        why = ended.get(report.state, "The search was interrupted")
        told = f"{why} after {work.done:,} of {plural(total, 'trial')}. What is done is kept. To go on with it:"
        command = shlex.join(["fcsearch", "resume", report.path])
        return Going(work.done, total, (told,), (), command, now, None)
    if status is None:
        told = f"{work.done:,} of {plural(total, 'trial')} are done."
        return Going(work.done, total, (told,), (), None, now, every)
    packs = tuple(_pack(pack, privacy) for pack in status.packs)
    return Going(status.done, status.total, tuple(_sentences(status)), packs, None, now, every)


def _sentences(status: Status) -> Sequence[str]:
    training = sum(pack.alive for pack in status.packs)
    rest = max(0, status.total - status.done - sum(pack.trials for pack in status.packs))
    states = [f"{count:,} {state}" for state, count in status.counts.items() if count and state != "complete"]
    told = f" ({', '.join(states)})" if states else ""
    done = f"{status.done:,} of {status.total:,} {status.what} are done{told}"
    found = [f"{done}, {training:,} are in training, {rest:,} are to come."]
    time = f"{duration(status.seconds)} so far"
    if status.per_minute:
        time += f", {number(status.per_minute, 3)} {status.what} a minute"
    if status.seconds_left is not None and status.done < status.total:
        time += f", {about(status.seconds_left)} left"
        time += f", then {status.then}" if status.then else ""
    found.append(f"{time}.")
    if status.closing:
        found.append("It is ending: no new pack starts.")
    elif status.waiting:
        found.append(f"{status.waiting[0].upper()}{status.waiting[1:]}.")
    return found


def _pack(pack: PackStatus, privacy: Privacy) -> tuple[str, str]:
    name = f"pack {pack.pack_id}, {plural(pack.trials, 'trial')}"
    if pack.node is None:
        return name, f"handed out {round(pack.silent_seconds)} s ago" if pack.silent_seconds >= 1 else "handed out"
    where = f"{privacy.node(pack.node)}, {pack.device}"
    return name, f"epoch {pack.epoch} of {pack.epochs}, {pack.alive:,} still train, on {where}"
