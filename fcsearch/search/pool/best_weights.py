"""Which weights travel from a worker: those of trials that may be among the best of the run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from fcsearch.config.objective import OBJECTIVES
from fcsearch.config.states import RANKED_STATES, rank
from fcsearch.search.pool.messages import MemberOutcome, PackTask


def with_best_weights(members: Iterable[MemberOutcome], task: PackTask) -> tuple[MemberOutcome, ...]:
    """The members of a pack, all but the best of them without their weights.

    Args:
        members: Members with their weights.
        task: Says how many may keep them, and what they must reach.
    """
    members = tuple(members)
    ranks = []
    for member in members:
        best = member.result.best
        if member.result.state not in RANKED_STATES or best is None:
            continue
        gain = OBJECTIVES[member.result.objective].gain(best.val[member.result.objective])
        if task.weights_above is None or gain >= task.weights_above:
            ranks.append(rank(member.trial_id, gain=gain, val_loss=best.val_loss))
    kept = {trial_id for _, _, trial_id in sorted(ranks)[: task.keep_models]}
    return tuple(member if member.trial_id in kept else _without_weights(member) for member in members)


def _without_weights(member: MemberOutcome) -> MemberOutcome:
    return dataclasses.replace(member, result=dataclasses.replace(member.result, weights={}, others=()))
