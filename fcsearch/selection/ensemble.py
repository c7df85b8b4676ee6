"""Greedy selection of an ensemble from stored predictions (Caruana et al. 2004).

Each step adds the network, with replacement, that improves the mean prediction most on the validation rows. As every
step uses the same rows, this overfits if there are few. So, as in the paper, the selection is done in bags: each from a
random half of the candidates, starting with the best of them; the weights are averaged.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from fcsearch.results.predictions import Predicted
from fcsearch.training.judging import Judge

_BAGS = 10
_STEPS = 12
# The most networks in an ensemble: each adds its time to every prediction.
_MOST = 10


def select_ensemble(predictions: Mapping[int, Predicted], judge: Judge) -> dict[int, float]:
    """The weight of each trial's prediction in the ensemble, the heaviest first; they sum to 1.

    On the validation rows the ensemble is never worse than the best single network, by the objective. The same
    predictions give the same ensemble.

    Args:
        predictions: (V, C) of each candidate.
        judge: Measures predictions for these rows.

    Returns:
        The members; a single one if no ensemble improves on the best network.
    """
    if not predictions:
        return {}
    trial_ids = sorted(predictions)
    stacked = torch.stack([torch.from_numpy(predictions[trial_id].T.astype(np.float32)) for trial_id in trial_ids])
    everyone = list(range(len(trial_ids)))
    alone = judge.gain(stacked)
    best = max(everyone, key=lambda member: alone[member])
    # The first that is no worse than the best network is taken; the last is that network itself.
    for weights in (_bagged(stacked, judge, alone), _grow(stacked, judge, everyone, alone), {best: 1.0}):
        chosen = _heaviest(weights)
        if judge.gain(_mean(stacked, chosen))[0][0] >= alone[best][0]:
            break
    return {trial_ids[member]: weight for member, weight in chosen.items()}


def _bagged(stacked: Tensor, judge: Judge, alone: list[tuple[float, float]]) -> dict[int, float]:
    """The mean weights over bags, each of a random half of the candidates."""
    random = np.random.RandomState(0)
    count, total = len(stacked), defaultdict[int, float](float)
    for _ in range(_BAGS):
        bag = random.choice(count, size=max(1, -(-count // 2)), replace=False)
        for member, weight in _grow(stacked, judge, sorted(bag.tolist()), alone).items():
            total[member] += weight
    return {member: weight / _BAGS for member, weight in total.items()}


def _grow(stacked: Tensor, judge: Judge, bag: list[int], alone: list[tuple[float, float]]) -> dict[int, float]:
    """Start with the best of a bag, add whichever helps most, and keep the members up to the best mean."""
    members = [max(bag, key=lambda member: alone[member])]
    total, best, length = stacked[members[0]].clone(), alone[members[0]], 1
    candidates = stacked[bag]
    for size in range(2, _STEPS + 1):
        gains = judge.gain((candidates + total) / size)
        place = max(range(len(bag)), key=lambda index: gains[index])
        members.append(bag[place])
        total += candidates[place]
        if gains[place] > best:
            best, length = gains[place], size
    return {member: count / length for member, count in Counter(members[:length]).items()}


def _heaviest(weights: Mapping[int, float]) -> dict[int, float]:
    kept = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:_MOST]
    total = sum(weight for _, weight in kept)
    return {member: weight / total for member, weight in kept}


def _mean(stacked: Tensor, weights: Mapping[int, float]) -> Tensor:
    """The weighted mean (1, C, V)."""
    members = list(weights)
    return torch.einsum("m,mcv->cv", torch.tensor([weights[m] for m in members]), stacked[members]).unsqueeze(0)
