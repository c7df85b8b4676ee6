"""Who leads, by how much, and whether chance explains it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from fcsearch.comparison.contestant import Contestant, Done, gains
from fcsearch.config.objective import Objective
from fcsearch.evaluation import standard_error
from fcsearch.selection import Confirmed
from fcsearch.selection.confirmation import error_by_rows

_RESAMPLES = 10_000
_INTERVAL = (2.5, 97.5)
_NORMAL = 1.96

_METHODS = {
    "trials": "Intervals: 95% of 10,000 resamplings of a run's trials{rows}. No resampling is better than the best "
    "trial that was seen, so the better end says little. A tie: chance explains the difference.",
    "seeds": "Intervals: 95% by Student's t over the seeds{rows}.",
}

Gains = npt.NDArray[np.float64]
# Of an interval; None where there are too few values.
Ends = tuple[float | None, float | None]


def methods_of(sections: Iterable[Section], objective: Objective) -> list[str]:
    """How the intervals were made, and, once, which chance is not in them."""
    known = objective.is_share_of_rows
    rows = ", and the chance in which rows there are" if known else ""
    bases = {section.basis for section in sections}
    found = []
    for basis, shown in (("trials", bases - {"seeds"}), ("seeds", bases & {"seeds"})):
        if shown:
            found.append(_METHODS[basis].format(rows=rows))
    if found and not known:
        found.append(
            "Which rows there are is chance, too: with folds it is in the intervals of figures; "
            f"of leads in {objective.title} it is not known, and not included."
        )
    return found


@dataclass(frozen=True)
class Margin:
    """The leader's value less another's, as a number of which more is better for the leader.

    Attributes:
        difference: It.
        low: Lower end of its 95% interval; None if there are too few values.
        high: Upper end.
        paired: Whether it was taken seed by seed.
    """

    difference: float
    low: float | None
    high: float | None
    paired: bool = False

    @property
    def explained_by_chance(self) -> bool:
        """Whether the interval holds 0, or there is none."""
        return self.low is None or self.high is None or self.low <= 0 <= self.high


@dataclass(frozen=True)
class Standing:
    """A run in one section of a comparison.

    Attributes:
        run: Its label.
        trials: Trials that count here; over seeds, trainings.
        trial_id: Its best trial; None if no trial has a result.
        value: The best objective among those trials, or the confirmed winner's mean over the seeds.
        low: Lower end of its 95% interval.
        high: Upper end.
        lead: By how much the leader is ahead; None for the leader, and where the runs cannot be compared.
    """

    run: str
    trials: int
    trial_id: int | None
    value: float | None
    low: float | None
    high: float | None
    lead: Margin | None = None


@dataclass(frozen=True)
class Section:
    """Runs, compared one way.

    Attributes:
        basis: `trials`, `time` or `seeds`.
        amount: How many trials each run has here, or how many seconds; None over seeds.
        standings: Best first.
    """

    basis: str
    amount: float | None
    standings: tuple[Standing, ...]


def by_trials(
    basis: str,
    amount: float,
    trials: Mapping[str, Sequence[Done]],
    objective: Objective,
    *,
    comparable: bool,
    rows: int | None = None,
) -> Section:
    """Compare the best of these trials of each run, which stand under its label; each was measured on so many rows."""
    found = {run: gains(done) for run, done in trials.items()}
    drawn = {run: _best_of_resamples(values, seed) for seed, (run, values) in enumerate(found.items())}
    ordered = sorted(found, key=lambda run: -found[run].max(initial=-math.inf))
    leader = ordered[0]
    standings = []
    for run in ordered:
        best = max(trials[run], key=lambda trial: trial.gain, default=None)
        if best is None or best.gain == -math.inf:
            standings.append(Standing(run, len(trials[run]), None, None, None, None))
            continue
        value = objective.gain(best.gain)
        worse, better = sorted(objective.gain(end) for end in _ends(drawn[run]))
        low, high = _with_rows(value, worse, better, objective, _error(value, best.error, objective, rows))
        lead = None
        if comparable and run != leader:
            ahead = float(found[leader].max()) - best.gain
            lead = Margin(ahead, *_lead_with_rows(ahead, *_ends(drawn[leader] - drawn[run]), objective, rows))
        standings.append(Standing(run, len(trials[run]), best.trial_id, value, low, high, lead))
    return Section(basis, amount, tuple(standings))


def by_seeds(runs: Sequence[Contestant], objective: Objective, *, comparable: bool) -> Section | None:
    """Compare the confirmed winners of those runs that have one; None if none has."""
    winners = [(run, run.confirmed) for run in runs if run.confirmed and run.confirmed.mean is not None]
    winners.sort(key=lambda entry: -objective.gain(entry[1].mean or 0.0))
    standings = []
    for run, winner in winners:
        values = np.array(list(winner.values.values()))
        mean = float(values.mean())
        error = _error(mean, run.error_of(winner.trial_id), objective, run.rows)
        low, high = _with_rows(mean, *_student(values, freedom=len(values) - 1), objective, error)
        lead = _lead(winners[0][1], winner, objective, run.rows) if comparable and run is not winners[0][0] else None
        standings.append(Standing(run.label, len(values), winner.trial_id, winner.mean, low, high, lead))
    return Section("seeds", None, tuple(standings)) if standings else None


def _best_of_resamples(found: Gains, seed: int) -> Gains:
    """The best gain of each resample: as many trials as there are, drawn with replacement.

    The place of the largest of N draws from N sorted values is N times the largest of N uniform numbers, which is the
    N-th root of one.
    """
    if not len(found):
        return np.full(_RESAMPLES, -math.inf)
    known = found[np.isfinite(found)]
    # A resample without any result counts as the worst that there was.
    ordered = np.sort(np.where(np.isfinite(found), found, known.min() if len(known) else -math.inf))
    uniform = np.random.default_rng(seed).random(_RESAMPLES) ** (1 / len(found))
    drawn: Gains = ordered[np.minimum((uniform * len(found)).astype(np.int64), len(found) - 1)]
    return drawn


def _ends(drawn: Gains) -> tuple[float, float]:
    low, high = np.percentile(drawn, _INTERVAL, method="nearest")
    return float(low), float(high)


def _lead(first: Confirmed, other: Confirmed, objective: Objective, rows: int | None) -> Margin:
    """Paired by seed where they share at least two: what a seed does to both cancels out. Else by Welch's t."""
    ours = {seed: objective.gain(value) for seed, value in first.values.items()}
    theirs = {seed: objective.gain(value) for seed, value in other.values.items()}
    shared = [seed for seed in ours if seed in theirs]
    if len(shared) > 1:
        differences = np.array([ours[seed] - theirs[seed] for seed in shared])
        difference, ends = float(differences.mean()), _student(differences, freedom=len(shared) - 1)
        return Margin(difference, *_lead_with_rows(difference, *ends, objective, rows), paired=True)
    a, b = np.array(list(ours.values())), np.array(list(theirs.values()))
    difference = float(a.mean() - b.mean())
    if min(len(a), len(b)) < 2:
        return Margin(difference, None, None)
    errors = np.array([a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)])
    total = float(errors.sum())
    freedom = total**2 / float((errors**2 / (np.array([len(a), len(b)]) - 1)).sum()) if total else 1.0
    half = float(stdtrit(freedom, 0.975)) * math.sqrt(total)
    return Margin(difference, *_lead_with_rows(difference, difference - half, difference + half, objective, rows))


def _error(value: float, recorded: float | None, objective: Objective, rows: int | None) -> float:
    """The standard error of a figure by its rows: as recorded, else that of a share of them; 0 where not known."""
    if recorded is not None:
        return recorded
    return standard_error(value, rows) if rows and objective.is_share_of_rows else 0.0


def _with_rows(value: float, low: float | None, high: float | None, objective: Objective, error: float) -> Ends:
    """The interval of a figure, widened by the chance in its rows."""
    if low is None or high is None:
        return low, high
    ends = _widened(value, low, high, error)
    # A share is never below 0 or above 1.
    return (max(ends[0], 0.0), min(ends[1], 1.0)) if objective.unit == "fraction" else ends


def _lead_with_rows(lead: float, low: float | None, high: float | None, objective: Objective, rows: int | None) -> Ends:
    """The same for a lead: all runs are measured on the same rows."""
    if low is None or high is None:
        return low, high
    return _widened(lead, low, high, error_by_rows(lead, objective, rows))


def _widened(value: float, low: float, high: float, spread: float) -> tuple[float, float]:
    """An interval of two chances that are independent of each other; the second has this standard error."""
    half = _NORMAL * spread
    return value - math.hypot(value - low, half), value + math.hypot(high - value, half)


def _student(values: Gains, *, freedom: int) -> tuple[float | None, float | None]:
    if freedom < 1:
        return None, None
    mean = float(values.mean())
    half = float(stdtrit(freedom, 0.975)) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return mean - half, mean + half
