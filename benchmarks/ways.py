"""The ways to search that replay.py compares."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

import numpy as np
from curve_table import CurveTable
from optuna.pruners import BasePruner, HyperbandPruner, SuccessiveHalvingPruner
from portfolio import portfolio
from replayed_joins import Core, Cost, Gpu, Joining, replay_joins
from replayed_peers import OptunaAlone, replay_dehb, replay_peer
from replayed_search import Course, Way, replay

from fcsearch.search.pool.asha import Asha, Rungs, RungValues, Standing
from fcsearch.space import SamplerSpec, SearchSpace


class Lengths(Asha):
    """Trials are judged beside those of as many epochs alone: under a cosine these are at the same point of it."""

    def rung(self, epoch: int, epochs: int) -> int | None:
        """The same epochs, kept apart by length."""
        return None if super().rung(epoch, epochs) is None else 1000 * epochs + epoch


class Shares(Asha):
    """Rungs lie at shares of a trial's own epochs, counted from its end: the last at 1/eta of them."""

    def rung(self, epoch: int, epochs: int) -> int | None:
        """How many rungs come after it, and this one."""
        number, at = 1, round(epochs / self.reduction_factor)
        while at >= max(1, self.min_epochs):
            if at == epoch:
                return number
            number += 1
            at = round(epochs / self.reduction_factor**number)
        return None


class InPack(Rungs):
    """Members are judged beside those of their own pack alone: synchronous successive halving."""

    def judge(self, epoch: int, standings: Mapping[int, Standing]) -> list[int]:
        """Which are to stop."""
        self._values = {}
        return super().judge(epoch, standings)


class Extrapolated(Rungs):
    """Trials are judged by where their curves point: by a power law, to their last epoch."""

    def __init__(self, asha: Asha, values: RungValues | None = None) -> None:
        super().__init__(asha, values)
        self._curves: dict[int, list[float]] = {}

    def learn(self, history: Mapping[int, float], *, epochs: int) -> None:
        """Record where a trial pointed at its rungs."""
        curve = list(accumulate((history[epoch] for epoch in sorted(history)), max))
        for epoch in range(1, len(curve) + 1):
            self._record(self.asha.rung(epoch, epochs), pointed(curve[:epoch], epochs))

    def judge(self, epoch: int, standings: Mapping[int, Standing]) -> list[int]:
        """Which are to stop."""
        for member, standing in standings.items():
            self._curves.setdefault(member, []).append(standing.value)
        ends = {member: Standing(pointed(self._curves[member], s.epochs), s.epochs) for member, s in standings.items()}
        return super().judge(epoch, ends)


def pointed(curve: Sequence[float], epochs: int) -> float:
    """What a curve of best values, by epoch, comes to after so many.

    By a power law each tripling of the epochs gains the same share of what the one before gained: here, what is known
    at a third and a ninth of the epochs so far tells that share; with fewer than nine epochs it is taken to be a third.
    """
    now = len(curve)
    last = curve[-1]
    if now < 3 or not math.isfinite(curve[0]):
        return last
    gain = last - curve[now // 3 - 1]
    before = curve[now // 3 - 1] - curve[now // 9 - 1] if now >= 9 else 3 * gain
    share = float(np.clip(gain / before, 0.0, 0.9)) if before > 0 else 0.0
    triplings = max(0.0, math.log(epochs / now, 3))
    return float(last + gain * share * (1 - share**triplings) / (1 - share))


@dataclasses.dataclass(frozen=True)
class Named:
    """A way to search, and what it is in words.

    Attributes:
        what: For people.
        course: Replays it on a table, for so many seconds, with a seed; the other tables of the space are known.
        cost: Where it is replayed, if not on two cores.
    """

    what: str
    course: Callable[[CurveTable, float, int, Sequence[CurveTable]], Course]
    cost: Cost | None = None


RANDOM = SamplerSpec("random")
# With the tables' rows, and with ten times as many.
_GPU, _ROWS = Gpu(), Gpu(step=800e-6, member=7.5e-6)


def tpe(startup: int = 10, **options: object) -> SamplerSpec:
    """TPE after so many trials at random."""
    return SamplerSpec("tpe", {"n_startup_trials": startup, **options})


def house(
    what: str,
    sampler: SamplerSpec,
    rule: Asha | None = None,
    *,
    pack: int = 3,
    rungs: type[Rungs] = Rungs,
    tried: int = 0,
) -> Named:
    """One of this project's own; a portfolio of `tried` configurations from tables of other data comes first."""

    def course(table: CurveTable, seconds: float, seed: int, others: Sequence[CurveTable]) -> Course:
        tries = tuple(table.values[row] for row in portfolio(others, tried))
        way = Way(sampler, lambda: rungs(rule) if rule else None, pack, tries)
        return replay(way, table, seconds=seconds, seed=seed)

    return Named(what, course)


def joined(
    what: str,
    joins: int | None = None,
    *,
    pack: int,
    cost: Cost | None = None,
    rule: Asha | None = None,
    early: bool = True,
    ahead: bool = True,
    sampler: SamplerSpec | None = None,
    rates: Sequence[float] = (),
    tried: int = 0,
) -> Named:
    """One whose packs of so many places take new members, or only tell of each as it ends.

    Adam at `rates` comes first, or a portfolio of `tried` configurations from tables of other data.
    """

    def course(table: CurveTable, seconds: float, seed: int, others: Sequence[CurveTable]) -> Course:
        tries = (
            *(usual(table.space, rate) for rate in rates),
            *(table.values[row] for row in portfolio(others, tried)),
        )
        way = Way(sampler or tpe(16), lambda: Rungs(rule or Asha(3, 3)), pack, tries)
        return replay_joins(way, Joining(joins, early, ahead), cost or Core(), table, seconds=seconds, seed=seed)

    return Named(what, course, cost)


def usual(space: SearchSpace, rate: float) -> dict[str, object]:
    """What one would try without a search: Adam, no dropout, the widest layers, the most epochs; the rest is drawn."""
    wanted: dict[str, object] = {"update_rule": "adam", "learning_rate": rate, "dropout": 0.0}
    for name in ("hidden_dim", "epochs"):
        if (values := space.parameters[name].finite_values()) is not None:
            wanted[name] = max(values)
    return {name: value for name, value in wanted.items() if space.parameters[name].contains(value)}


def optuna_alone(what: str, pruner: Callable[[], BasePruner]) -> Named:
    """Optuna's TPE with its defaults, one trial at a time on each worker, without any cost between trials."""

    def course(table: CurveTable, seconds: float, seed: int, _: Sequence[CurveTable]) -> Course:
        return replay_peer(OptunaAlone(table, pruner(), seed), seconds=seconds)

    return Named(what, course)


WAYS: dict[str, Named] = {
    "today": house("TPE after 16, ASHA 3 x 3, packs of 6", tpe(16), Asha(3, 3), pack=6),
    "early": house("TPE after 10, ASHA 3 x 3, packs of 3", tpe(), Asha(3, 3)),
    "alone": house("TPE after 10, ASHA 3 x 3, packs of 1", tpe(), Asha(3, 3), pack=1),
    "early-try1": house("the same as early, a portfolio of 1 first", tpe(), Asha(3, 3), tried=1),
    "early-try3": house("the same as early, a portfolio of 3 first", tpe(), Asha(3, 3), tried=3),
    "early-try6": house("the same as early, a portfolio of 6 first", tpe(), Asha(3, 3), tried=6),
    "today-try6": house(
        "TPE after 16, ASHA 3 x 3, packs of 6, a portfolio of 6 first", tpe(16), Asha(3, 3), pack=6, tried=6
    ),
    "early-try10": house("the same as early, a portfolio of 10 first", tpe(), Asha(3, 3), tried=10),
    "early-1-try6": house("TPE after 10, ASHA 1 x 3, packs of 3, a portfolio of 6 first", tpe(), Asha(1, 3), tried=6),
    "early-1": house("TPE after 10, ASHA 1 x 3, packs of 3", tpe(), Asha(1, 3)),
    "shares": house("TPE after 10, rungs at 1/27, 1/9, 1/3 of a trial's epochs", tpe(), Shares(1, 3)),
    "lengths": house("TPE after 10, ASHA 3 x 3 among trials of equal epochs", tpe(), Lengths(3, 3)),
    "extrapolated": house("TPE after 10, ASHA 3 x 3 by extrapolated curves", tpe(), Asha(3, 3), rungs=Extrapolated),
    "grouped": house("grouped TPE after 10, ASHA 3 x 3", tpe(group=True), Asha(3, 3)),
    "grouped-6": house("grouped TPE after 10, ASHA 3 x 3, packs of 6", tpe(group=True), Asha(3, 3), pack=6),
    "early-6": house("TPE after 10, ASHA 3 x 3, packs of 6", tpe(), Asha(3, 3), pack=6),
    "early-6-try6": house(
        "TPE after 10, ASHA 3 x 3, packs of 6, a portfolio of 6 first", tpe(), Asha(3, 3), pack=6, tried=6
    ),
    "wide": house(
        "TPE after 16, packs of 16, the best 1 in 4 after epochs 1, 4, 16", tpe(16), Asha(1, 4), pack=16, rungs=InPack
    ),
    "random": house("random, no early stopping", RANDOM, pack=1),
    "random-asha": house("random, ASHA 3 x 3", RANDOM, Asha(3, 3)),
    "random-asha-1": house("random, ASHA 1 x 3", RANDOM, Asha(1, 3)),
    "optuna-asha": optuna_alone(
        "Optuna: TPE, SuccessiveHalvingPruner 3 x 3",
        lambda: SuccessiveHalvingPruner(min_resource=3, reduction_factor=3),
    ),
    "optuna-hyperband": optuna_alone(
        "Optuna: TPE, HyperbandPruner", lambda: HyperbandPruner(min_resource=1, max_resource=30, reduction_factor=3)
    ),
}

PACKS: dict[str, Named] = {
    "core": joined("packs of 6, told at their end, as today until now", pack=6, early=False),
    "core-early": joined("the same, TPE told of each member as it ends", pack=6),
    "core-join-3": joined("3 places, each filled as soon as it is free", 1, pack=3, ahead=False),
    "core-small": joined("TPE after 10, packs of 3", pack=3, early=False, sampler=tpe()),
    "core-usual": joined("packs of 6, Adam at 0.001 without dropout first", pack=6, early=False, rates=[1e-3]),
    "core-tried": joined("packs of 6, a portfolio of 3 first", pack=6, early=False, tried=3),
    "core-1-3": joined("packs of 6, ASHA 1 x 3", pack=6, early=False, rule=Asha(1, 3)),
    "core-3": joined("TPE after 10, packs of 3, told of each, a portfolio of 3 first", pack=3, sampler=tpe(), tried=3),
    "core-3-1": joined("the same, ASHA 1 x 3", pack=3, rule=Asha(1, 3), sampler=tpe(), tried=3),
    "core-3-1-end": joined(
        "the same, told at the end of a pack", pack=3, early=False, rule=Asha(1, 3), sampler=tpe(), tried=3
    ),
}
ON_GPU: dict[str, Named] = {
    "gpu": joined("packs of 10, told at their end, as today", pack=10, early=False, cost=_GPU),
    "gpu-32": joined("packs of 32, told at their end", pack=32, early=False, cost=_GPU),
    "gpu-join-3": joined("10 places, filled by threes", 3, pack=10, cost=_GPU),
    "gpu-join-32": joined("32 places, filled by eights", 8, pack=32, cost=_GPU),
    "more": joined("ten times the rows: packs of 10, told at their end, as today", pack=10, early=False, cost=_ROWS),
    "more-join-3": joined("ten times the rows: 10 places, filled by threes", 3, pack=10, cost=_ROWS),
}
OTHERS: dict[str, Named] = {
    "dehb": Named("DEHB", lambda table, seconds, seed, _: replay_dehb(table, seconds=seconds, seed=seed)),
}
# On the space `full`, whose conditions make groups.
_ON_FULL = (
    "today",
    "today-try6",
    "early",
    "early-try6",
    "early-1",
    "early-1-try6",
    "early-6",
    "early-6-try6",
    "grouped",
    "grouped-6",
    "random",
    "random-asha",
    "optuna-asha",
)
GROUPS = {
    "ways": WAYS,
    "full": {way: WAYS[way] for way in _ON_FULL},
    "packs": PACKS,
    "gpu": ON_GPU,
    "others": OTHERS,
}
