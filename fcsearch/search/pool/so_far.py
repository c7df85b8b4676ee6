"""What the trials of a pack have reached while it trains."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

from fcsearch.config.objective import Objective
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.messages import Reached
from fcsearch.training import Pack
from fcsearch.training.metrics import best_epoch


class SoFar:
    """Follows what the trials of a pack have reached; each look reads the epochs that have come since the last.

    Args:
        trials: The trials, in the order of the pack's members.
        pack: The pack.
        objective: Decides which epoch is best.
    """

    def __init__(self, trials: Iterable[PlannedTrial], pack: Pack, objective: Objective) -> None:
        self._pack = pack
        self._objective = objective
        self._reached = [Reached(trial.trial_id) for trial in trials]

    def look(self) -> tuple[Reached, ...]:
        """What those with a measured epoch have reached by now."""
        self._reached = [self._further(member, before) for member, before in enumerate(self._reached)]
        return tuple(reached for reached in self._reached if reached.best_epoch is not None)

    def _further(self, member: int, before: Reached) -> Reached:
        history = self._pack.history(member)
        new = history[before.epochs :]
        found = dataclasses.replace(
            before,
            state=self._pack.state(member),
            epochs=len(history),
            seconds=before.seconds + math.fsum(epoch.seconds for epoch in new),
        )
        if (number := best_epoch(new, self._objective)) is None:
            return found
        best = history[number - 1]
        gain = self._objective.gain(best.val[self._objective.name])
        if gain <= before.gain:
            return found
        return dataclasses.replace(found, best_epoch=number, gain=gain, val_loss=best.val_loss)
