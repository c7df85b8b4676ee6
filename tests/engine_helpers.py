"""An engine on a simulated pool, with a ledger that only remembers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from search_helpers import outcome, result, trials

from fcsearch.results import Status, TrialRecord
from fcsearch.search.loop.early_end import EarlyEnd
from fcsearch.search.loop.engine import Engine
from fcsearch.search.loop.interruption import Interruption
from fcsearch.search.loop.recorder import Recorder
from fcsearch.search.loop.scheduler import Attempts, Scheduler
from fcsearch.search.loop.standings import Standings
from fcsearch.search.loop.tracker import Tracker
from fcsearch.search.loop.view import SilentView, View
from fcsearch.search.planning.packs import Planner
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.interface import PackFailed
from fcsearch.search.pool.messages import PackOutcome, PackTask
from fcsearch.search.pool.simulated import SimulatedPool
from fcsearch.search.record.pack_record import PackRecord

Answer = Callable[[PackTask], PackOutcome | PackFailed]


class FakeBooks:
    """Keeps what happened, in order."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.asked = 0
        self.rows: list[TrialRecord] = []
        self.saved: list[tuple[list[int], list[int]]] = []
        self.broken: Exception | None = None
        self.may_ask = threading.Semaphore(1000)

    def ask(self, count: int) -> list[PlannedTrial]:
        assert self.may_ask.acquire(timeout=10)
        self.events.append(f"ask {count}")
        self.asked += count
        return trials(count, first=self.asked - count)

    def record(self, pack: PackRecord) -> list[int]:
        if self.broken:
            raise self.broken
        self.events.append(f"record {pack.pack_id}")
        self.rows.extend(pack.trials)
        self.saved.append((list(pack.models), list(pack.keep)))
        return [trial.trial_id for trial in pack.ended]

    @property
    def states(self) -> dict[int, str]:
        """What became of each trial."""
        assert len({row.trial_id for row in self.rows}) == len(self.rows)
        return {row.trial_id: row.state for row in self.rows}


class RecordingView(SilentView):
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.seen: list[Status] = []
        self.notices: list[str] = []
        self.lines: dict[str, str] = {}

    def started(self, lines: Mapping[str, str]) -> None:
        self.lines = dict(lines)

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def update(self, status: Status) -> None:
        self.seen.append(status)


def train(task: PackTask, accuracy: float = 0.5, **keys: Any) -> PackOutcome:
    """Every trial of the pack has this accuracy at both of its epochs."""
    return outcome(task.pack_id, {t.trial_id: result(t.config, [accuracy, accuracy]) for t in task.trials}, **keys)


def ids(task: PackTask) -> list[int]:
    return [trial.trial_id for trial in task.trials]


class Search:
    """An engine and all that it is made of; `run` runs it to its end.

    Args:
        answer: What comes of each pack, or how it fails.
        total: Trials.
        size: Most trials in a pack.
        pool: Keys of the simulated pool.
        kind: Of pool.
        keys: Arguments of the engine and of its early end, and `waiting`, `before`, `learns`, `attempts`, `view`.
    """

    def __init__(
        self,
        answer: Answer = train,
        *,
        total: int = 12,
        size: int = 3,
        pool: Mapping[str, Any] | None = None,
        kind: type[SimulatedPool] = SimulatedPool,
        **keys: Any,
    ) -> None:
        self.handed: list[list[int]] = []
        self.answer = answer
        self.pool = kind(self._answer, **(pool or {}))
        self.books = FakeBooks()
        self.recorder = Recorder(self.books)
        self.stop: Interruption = keys.pop("stop", Interruption())
        self.view: View = keys.pop("view", RecordingView())
        standings, numbers = Standings(2), iter(range(1000))
        waiting = keys.pop("waiting", [])
        self.books.asked = len(waiting)
        planner = Planner(remaining=total - len(waiting), pack_size=size, learns=keys.pop("learns", True))
        first = planner.packs_again(waiting, [], workers=self.pool.workers)
        deadline = keys.pop("deadline", None)
        self.tracker = Tracker(
            self.view,
            total=total,
            before=keys.pop("before", []),
            standings=standings,
            deadline=deadline,
            gpus=False,
            clock=self.pool.clock,
        )
        attempts = keys.pop("attempts", Attempts())
        late = {name: keys.pop(name) for name in ("grace", "prolong") if name in keys}
        self.engine = Engine(
            self.pool,
            Scheduler(planner, self.recorder.ask, first=first, attempts=attempts),
            self.recorder,
            self.tracker,
            early_end=EarlyEnd(self.stop, deadline, **late),
            clock=self.pool.clock,
            **{
                "standings": standings,
                "rungs": None,
                "keep_models": 2,
                "next_pack_id": lambda: next(numbers),
                "model_metadata": lambda _: {"input_dim": 2},
                **keys,
            },
        )

    def run(self) -> Search:
        """Run to the end, and record all."""
        try:
            self.engine.run()
        finally:
            self.recorder.shutdown()
        return self

    def _answer(self, task: PackTask) -> PackOutcome | PackFailed:
        self.handed.append(ids(task))
        return self.answer(task)
