"""Searches whose packs take new members while they train, replayed on a table epoch by epoch, in simulated time."""

from __future__ import annotations

import dataclasses
import heapq
import math
from collections.abc import Sequence
from typing import Protocol

from curve_table import CurveTable
from replayed_search import Course, TableBooks, Way

from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.asha import Rungs, Standing


@dataclasses.dataclass(eq=False)
class Member:
    """A trial in training.

    Attributes:
        trial: The trial.
        row: What it is in the table.
        group: Those that it was asked for with.
        epoch: Epochs trained.
        best: Its best gain so far.
        state: How it ended, if it did.
    """

    trial: PlannedTrial
    row: int
    group: int
    epoch: int = 0
    best: float = -math.inf
    state: str | None = None


class Cost(Protocol):
    """What a device takes."""

    @property
    def workers(self) -> int:
        """How many there are."""

    @property
    def asking(self) -> float:
        """Seconds of the sampler for a suggestion; one at a time, beside the training."""

    def seconds(self, table: CurveTable, living: Sequence[Member], new: int, left: Sequence[Member]) -> float:
        """Of an epoch of these members, of which so many groups are new, after others have left."""


@dataclasses.dataclass(frozen=True)
class Core:
    """CPU cores: members train one after the other, so that company costs nothing and saves nothing.

    Attributes:
        pack: Seconds from one pack to the next, beside its training (planning/pack_cost.py).
        join: Seconds for those that join one.
    """

    workers: int = 2
    asking: float = 0.0
    pack: float = 0.003
    join: float = 0.0005

    def seconds(self, table: CurveTable, living: Sequence[Member], new: int, left: Sequence[Member]) -> float:  # noqa: ARG002
        """See `Cost`."""
        alone = new and all(member.epoch == 0 for member in living)
        return sum(table.seconds[member.row] for member in living) + (self.pack if alone else self.join * new)


@dataclasses.dataclass(frozen=True)
class Gpu:
    """A GPU and nets that are small for it, as measured on an H100 (docs/performance.md): what counts is lanes.

    A step of a lane takes as long as forty small kernels; four lanes' worth of them run at once. A lane that is new, or
    that members have left, is captured again. Members share a lane if they agree in shape and batch size, and began
    together: others are at another minibatch.
    """

    workers: int = 1
    asking: float = 0.006
    step: float = 80e-6
    member: float = 0.75e-6
    beside: float = 4.0
    capture: float = 0.003

    def seconds(self, table: CurveTable, living: Sequence[Member], new: int, left: Sequence[Member]) -> float:  # noqa: ARG002
        """See `Cost`."""
        lanes: dict[object, list[Member]] = {}
        for member in living:
            lanes.setdefault(_lane(member), []).append(member)
        rows = table.facts["rows"]["train"]
        found = [
            rows // min(rows, members[0].trial.config.batch_size) * (self.step + self.member * len(members))
            for members in lanes.values()
        ]
        again = {_lane(member) for member in left} & set(lanes)
        fresh = sum(members[0].epoch == 0 for members in lanes.values())
        return max(*found, sum(found) / self.beside) + self.capture * (fresh + len(again)) if found else 0.0


def _lane(member: Member) -> tuple[object, int]:
    return member.trial.config.lane_key, member.group


@dataclasses.dataclass(frozen=True)
class Joining:
    """How packs and the sampler meet.

    Attributes:
        joins: Trials that are asked for together where as many places of a pack are free; None: when it is over.
        early: Whether the sampler, and the rungs, hear of each member as it ends, in place of all at the pack's end.
        ahead: Whether the next are asked for before there is room for them.
    """

    joins: int | None = None
    early: bool = False
    ahead: bool = True


def undisturbed(cost: Cost, table: CurveTable, *, packs: int = 10, members: int = 10) -> float:
    """Seconds in which a worker trains the table's first packs of so many members to their ends."""
    seconds = 0.0
    for first in range(0, packs * members, members):
        pack = [Member(PlannedTrial(row, table.configs[row]), row, first) for row in range(first, first + members)]
        while pack:
            seconds += cost.seconds(table, pack, pack[0].epoch == 0, [])
            for member in pack:
                member.epoch += 1
            pack = [member for member in pack if member.epoch < len(table.curves[member.row])]
    return seconds


def replay_joins(way: Way, how: Joining, cost: Cost, table: CurveTable, *, seconds: float, seed: int) -> Course:
    """Search the table for so many simulated seconds."""
    search = _Search(way, how, cost, table, seed)
    search.run(seconds)
    return Course(tuple(search.times), tuple(search.gains), search.trials)


@dataclasses.dataclass
class _Worker:
    living: list[Member] = dataclasses.field(default_factory=list)
    left: list[Member] = dataclasses.field(default_factory=list)
    new: int = 0


class _Search:
    def __init__(self, way: Way, how: Joining, cost: Cost, table: CurveTable, seed: int) -> None:
        self._way, self._how, self._cost, self._table = way, how, cost, table
        self._books = TableBooks(way, table, seed)
        self._rungs = way.rungs()
        # What a pack's members have recorded at rungs since it began, where the others hear of it at its end.
        self._own: dict[int, Rungs] = {}
        self._groups: dict[int, list[Member]] = {}
        self._asked: list[tuple[float, list[PlannedTrial]]] = []
        self._thread = 0.0
        self.times: list[float] = []
        self.gains: list[float] = []
        self.trials = 0

    def run(self, seconds: float) -> None:
        workers = [_Worker() for _ in range(self._cost.workers)]
        rounds = [(0.0, number) for number in range(len(workers))]
        while rounds:
            now, number = heapq.heappop(rounds)
            if now > seconds:
                return
            worker = workers[number]
            self._end_round(worker, now)
            wait = self._fill(worker, now)
            if worker.living:
                took = self._cost.seconds(self._table, worker.living, worker.new, worker.left)
                worker.new, worker.left = 0, []
                heapq.heappush(rounds, (now + took, number))
            elif wait is not None:
                heapq.heappush(rounds, (wait, number))

    def _fill(self, worker: _Worker, now: float) -> float | None:
        """Give it trials for the places that are free; when there will be some, if none are there yet."""
        size = self._way.pack if self._how.joins is None else self._how.joins
        while not worker.living or (self._how.joins and len(worker.living) + size <= self._way.pack):
            if not self._asked:
                self._ask(size, now)
            if not self._asked:
                return None
            ready, trials = self._asked[0]
            if ready > now:
                return ready
            del self._asked[0]
            self._begin(worker, trials)
            if self._how.ahead:
                self._ask(size, now)
        return None

    def _ask(self, count: int, now: float) -> None:
        trials = self._books.ask(count)
        if trials:
            self._thread = max(now, self._thread) + self._cost.asking * len(trials)
            self._asked.append((self._thread, trials))

    def _begin(self, worker: _Worker, trials: Sequence[PlannedTrial]) -> None:
        group = trials[0].trial_id
        members = [Member(trial, self._row(trial), group) for trial in trials]
        self._groups[group] = members
        worker.living += members
        worker.new += 1
        if self._rungs is not None and not self._how.early:
            self._own[group] = type(self._rungs)(self._rungs.asha, self._rungs.values())

    def _row(self, trial: PlannedTrial) -> int:
        return self._table.row(self._table.space.locate(trial.config) or {})

    def _end_round(self, worker: _Worker, now: float) -> None:
        standings: dict[tuple[int, int], dict[int, Standing]] = {}
        for number, member in enumerate(worker.living):
            curve, epochs = self._table.curves[member.row], member.trial.config.epochs
            member.epoch += 1
            if member.epoch > len(curve):
                member.state = "diverged"
                continue
            member.best = max(member.best, self._table.objective.gain(curve[member.epoch - 1]))
            member.state = "complete" if member.epoch == epochs else None
            standings.setdefault((member.group, member.epoch), {})[number] = Standing(member.best, epochs)
        for (group, epoch), found in standings.items():
            rungs = self._rungs if self._how.early else self._own.get(group)
            for number in rungs.judge(epoch, found) if rungs else ():
                worker.living[number].state = worker.living[number].state or "stopped"
        worker.left = [member for member in worker.living if member.state]
        worker.living = [member for member in worker.living if not member.state]
        told = worker.left if self._how.early else self._over(worker.left)
        for member in told:
            self._tell(member, now)

    def _over(self, left: Sequence[Member]) -> list[Member]:
        """The members of the groups that are over."""
        over = {member.group for member in left if all(other.state for other in self._groups[member.group])}
        found = [member for group in sorted(over) for member in self._groups[group]]
        if self._rungs is not None:
            for member in found:
                gains = map(self._table.objective.gain, self._table.curves[member.row][: member.epoch])
                self._rungs.learn(dict(enumerate(gains, 1)), epochs=member.trial.config.epochs)
        return found

    def _tell(self, member: Member, now: float) -> None:
        self.trials += 1
        curve = self._table.curves[member.row][: member.epoch]
        last = (len(curve), curve[-1]) if curve else None
        value = self._table.objective.gain(member.best) if member.state == "complete" else None
        self._books.tell(member.trial.trial_id, value, last)
        if member.state != "diverged" and (not self.gains or member.best > self.gains[-1]):
            self.times.append(now)
            self.gains.append(member.best)
