"""The ways to search that replay.py compares."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import optuna
from curve_table import CurveTable
from optuna.pruners import BasePruner, HyperbandPruner, SuccessiveHalvingPruner
from replayed_peer import replay_optuna
from replayed_search import Course, Way, replay

from fcsearch.search.pool.asha import Asha, Rungs, Standing
from fcsearch.space import SamplerSpec


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


@dataclasses.dataclass(frozen=True)
class Named:
    """A way to search, and what it is in words.

    Attributes:
        what: For people.
        course: Replays it on a table, for so many seconds, with a seed; the other tables of the space are known.
    """

    what: str
    course: Callable[[CurveTable, float, int, Sequence[CurveTable]], Course]


RANDOM = SamplerSpec("random")


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
    """One of this project's own; `tried` configurations that did best on the other tables come first."""

    def course(table: CurveTable, seconds: float, seed: int, others: Sequence[CurveTable]) -> Course:
        tries = tuple(table.values[row] for row in portfolio(table, others, tried))
        way = Way(sampler, lambda: rungs(rule) if rule else None, pack, tries)
        return replay(way, table, seconds=seconds, seed=seed)

    return Named(what, course)


def optuna_alone(what: str, pruner: Callable[[], BasePruner]) -> Named:
    """Optuna's TPE with its defaults, one trial at a time on each worker, without any cost between trials."""

    def course(table: CurveTable, seconds: float, seed: int, _: Sequence[CurveTable]) -> Course:
        return replay_optuna(
            table, lambda seed: optuna.samplers.TPESampler(seed=seed), pruner, seconds=seconds, seed=seed
        )

    return Named(what, course)


def portfolio(table: CurveTable, others: Sequence[CurveTable], count: int) -> list[int]:
    """Rows that did best on other tables: each adds most to what those before it reach there, by rank.

    Tables of one space have the same configuration in the same row.
    """
    rows = min(len(table), *map(len, others)) if others else 0
    gains = [[other.gain(row) for row in range(rows)] for other in others]
    ranks = np.array([np.argsort(np.argsort(found)) / rows for found in gains])
    found: list[int] = []
    reached = np.zeros((len(others), 1))
    for _ in range(count if others else 0):
        found.append(int(np.maximum(ranks, reached).mean(axis=0).argmax()))
        reached = np.maximum(reached, ranks[:, found[-1:]])
    return found


WAYS: dict[str, Named] = {
    "today": house("TPE after 16, ASHA 3 x 3, packs of 6", tpe(16), Asha(3, 3), pack=6),
    "early": house("TPE after 10, ASHA 3 x 3, packs of 3", tpe(), Asha(3, 3)),
    "alone": house("TPE after 10, ASHA 3 x 3, packs of 1", tpe(), Asha(3, 3), pack=1),
    "early-try3": house("the same as early, three of other tables first", tpe(), Asha(3, 3), tried=3),
    "early-1": house("TPE after 10, ASHA 1 x 3, packs of 3", tpe(), Asha(1, 3)),
    "shares": house("TPE after 10, rungs at 1/27, 1/9, 1/3 of a trial's epochs", tpe(), Shares(1, 3)),
    "lengths": house("TPE after 10, ASHA 3 x 3 among trials of equal epochs", tpe(), Lengths(3, 3)),
    "grouped": house("grouped TPE after 10, ASHA 3 x 3", tpe(group=True), Asha(3, 3)),
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
