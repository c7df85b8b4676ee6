"""How much each parameter determined the order of the trials, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from fcsearch.config.objective import OBJECTIVES, Objective
from fcsearch.report.effects import Rows, partition, varied_parameters
from fcsearch.report.model import Importance
from fcsearch.results import RANKED_STATES

# With fewer trials, or for a parameter that applied to fewer, the interval would span nearly everything.
MIN_TRIALS = 20
MIN_ACTIVE = 12
# The spread of a value with fewer trials cannot be estimated.
_MIN_GROUP = 3
_RESAMPLES = 400
_INTERVAL = (2.5, 97.5)

METHOD = (
    "Importance: the share of the variance of the trials' ranks that lies between the values (or ranges) of a "
    "parameter, over the trials to which it applied, less what chance gives; in brackets 95% of 400 resamplings of "
    "the trials. Parameters are taken one at a time; the shares of those that act together overlap: they do not add "
    "up to 100%."
)

Codes = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float64]


def importances_of(
    rows: Rows, objective: Objective = OBJECTIVES["accuracy"]
) -> tuple[dict[str, Importance], str | None]:
    """The importance of each parameter that varied, and the reason if there are none.

    A one-way analysis of variance of the trials' ranks (Kruskal and Wallis 1952) by the groups that the report shows,
    with the chance share taken off (epsilon squared, Kelley 1935): the main effects of a functional ANOVA (Hutter et
    al. 2014) without a model in between. Within the trials to which a parameter applies, its sum of squares is taken
    about their own mean, and divided by that of all trials: a conditional parameter gets no credit for what its parent
    decides, and weighs as much as its trials do.

    Optuna's evaluators do not fit runs of this kind. Its fANOVA takes trials that have all parameters in common, and so
    leaves conditional ones out. Its PED-ANOVA (condPED-ANOVA since 5.0) compares densities of the best tenth with those
    of all: in 24 trials that is three, and a parameter sampled in a quarter of the trials counts four times where those
    three are among them. Accuracies themselves would be ruled by the trials that learned nothing; ranks are not, and
    serve any objective.

    Args:
        rows: Rows of the trials table; those without a result are skipped.
        objective: The objective that the trials are ranked by.

    Returns:
        Importances by parameter, without those with too few trials; and a note.
    """
    ranked = [row for row in rows if row["state"] in RANKED_STATES]
    if len(ranked) < MIN_TRIALS:
        return {}, f"they need {MIN_TRIALS} trials with a result; this run has {len(ranked)}"
    ranks = _ranks(np.array([row[objective.column] for row in ranked], dtype=np.float64))
    if not ranks.any():
        return {}, "all trials have the same result"
    groups = {name: codes for name in varied_parameters(ranked) if (codes := _codes(ranked, name)) is not None}
    return _measured(ranks, groups), None


def _ranks(results: Weights) -> Weights:
    """Ranks about their mean, those of equal results averaged."""
    _, place, counts = np.unique(results, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2
    centred: Weights = middle[place] - (len(results) + 1) / 2
    return centred


def _codes(ranked: Rows, name: str) -> Codes | None:
    """The group of each trial, -1 if it has none; None if too few trials are in groups to be compared."""
    codes = np.full(len(ranked), -1)
    large = [members for _, members in partition(ranked, name) if len(members) >= _MIN_GROUP]
    for group, members in enumerate(large):
        codes[list(members)] = group
    return codes if len(large) > 1 and np.count_nonzero(codes >= 0) >= MIN_ACTIVE else None


def _measured(ranks: Weights, groups: Mapping[str, Codes]) -> dict[str, Importance]:
    once = np.ones(len(ranks))
    shares = {name: _explained(ranks, codes, once, chance=1) for name, codes in groups.items()}
    found: dict[str, list[float]] = {name: [] for name in groups}
    rng = np.random.default_rng(0)
    for _ in range(_RESAMPLES):
        times = np.bincount(rng.integers(len(ranks), size=len(ranks)), minlength=len(ranks)).astype(np.float64)
        for name, codes in groups.items():
            # Resampling adds as much variance between the groups as sampling did.
            found[name].append(_explained(ranks, codes, times, chance=2))
    return {name: _importance(share, found[name], groups[name]) for name, share in shares.items()}


def _importance(share: float, resampled: Sequence[float], codes: Codes) -> Importance:
    low, high = (max(0.0, float(end)) for end in np.percentile(resampled, _INTERVAL))
    share = max(0.0, share)
    return Importance(share, low=min(low, share), high=max(high, share), trials=int(np.count_nonzero(codes >= 0)))


def _explained(ranks: Weights, codes: Codes, times: Weights, *, chance: int) -> float:
    """The share of the variance of `ranks` that lies between the groups.

    Args:
        ranks: (N,) of the trials.
        codes: (N,) their groups; -1: of none.
        times: (N,) how often each trial counts.
        chance: How many times the share that groups drawn at random would have is taken off.
    """
    inside = codes >= 0
    code, rank, weight = codes[inside], ranks[inside], times[inside]
    counts, sums = np.bincount(code, weight), np.bincount(code, weight * rank)
    present = counts > 0
    counts, sums = counts[present], sums[present]
    squares = float(weight @ rank**2)
    mean = float(ranks @ times / times.sum())
    total = float(times @ (ranks - mean) ** 2)
    within = squares - float((sums**2 / counts).sum())
    between = float((sums**2 / counts).sum() - sums.sum() ** 2 / counts.sum()) if len(counts) else 0.0
    free = float(counts.sum()) - len(counts)
    if total <= 0 or free <= 0:
        return 0.0
    return (between - chance * (len(counts) - 1) * max(within, 0.0) / free) / total
