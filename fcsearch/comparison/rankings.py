"""Ranks runs one way: by the best of equally many trials, in equal time, or by their winners over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from fcsearch.comparison.contestant import Contestant, Done, gains
from fcsearch.comparison.intervals import Gains, best_of_resamples, ends_of, student, welch, widened, within_range
from fcsearch.comparison.row_chance import Network, RowChance
from fcsearch.comparison.standing import Margin, Section, Standing
from fcsearch.config.objective import Objective


def by_trials(
    basis: str,
    amount: float,
    trials: Mapping[str, Sequence[Done]],
    objective: Objective,
    chance: RowChance,
    *,
    comparable: bool,
) -> Section | None:
    """Compare the best of these trials of each run, which stand under its label; None if no run has a result."""
    found = {run: gains(done) for run, done in trials.items()}
    drawn = {run: best_of_resamples(values, seed) for seed, (run, values) in enumerate(found.items())}
    best = {run: max(done, key=lambda trial: trial.gain, default=None) for run, done in trials.items()}
    known = {run: trial for run, trial in best.items() if trial is not None and trial.gain > -math.inf}
    if not known:
        return None
    leader = max(known, key=lambda run: known[run].gain)
    networks = {run: Network(run, trial.trial_id, trial.early) for run, trial in known.items()}
    standings = []
    for run, done in trials.items():
        if run not in known:
            standings.append(Standing(run, len(done), None, None, None, None))
            continue
        trial, value = known[run], objective.gain(known[run].gain)
        worse, better = sorted(objective.gain(end) for end in ends_of(drawn[run]))
        by_rows = chance.of_figure(networks[run], value)
        low, high = within_range(widened(value, (worse, better), by_rows), objective)
        lead = None
        if comparable and run != leader:
            ends = ends_of(drawn[leader] - drawn[run])
            lead = _margin(known[leader].gain - trial.gain, ends, chance, (networks[leader], networks[run]))
        standings.append(Standing(run, len(done), trial.trial_id, value, low, high, lead))
    return Section(basis, amount, _ordered(standings, objective, comparable=comparable))


def by_seeds(
    runs: Sequence[Contestant], objective: Objective, chance: RowChance, *, comparable: bool
) -> Section | None:
    """Compare the confirmed winners, over the seeds that all of them have where these are at least two.

    None if fewer than two runs were confirmed.
    """
    winners = {run.label: run.confirmed for run in runs if run.confirmed and run.confirmed.values}
    if len(winners) < 2:
        return None
    of_each = [set(winner.values) for winner in winners.values()]
    shared = set.intersection(*of_each)
    together = comparable and len(shared) > 1
    found = {
        run: {seed: objective.gain(value) for seed, value in winner.values.items() if seed in shared or not together}
        for run, winner in winners.items()
    }
    leader = max(found, key=lambda run: _values(found[run]).mean())
    standings = []
    for run, winner in winners.items():
        values = np.array([objective.gain(gain) for gain in found[run].values()])
        mean, network = float(values.mean()), Network(run, winner.trial_id)
        low, high = within_range(widened(mean, student(values), chance.of_figure(network, mean)), objective)
        lead = None
        if comparable and run != leader:
            first = Network(leader, winners[leader].trial_id)
            lead = _lead_over_seeds(found[leader], found[run], chance, (first, network))
        standings.append(Standing(run, len(values), winner.trial_id, mean, low, high, lead))
    amount = len(shared) if together or set.union(*of_each) == shared else None
    return Section("seeds", amount, _ordered(standings, objective, comparable=comparable))


def _lead_over_seeds(
    ours: Mapping[int, float], theirs: Mapping[int, float], chance: RowChance, networks: tuple[Network, Network]
) -> Margin:
    """Paired by seed where both have the same: what a seed does to both cancels out. Else by Welch's t."""
    a, paired = _values(ours), ours.keys() == theirs.keys()
    b = np.array([theirs[seed] for seed in ours]) if paired else _values(theirs)
    ends = student(a - b) if paired else welch(a, b)
    return _margin(float(a.mean() - b.mean()), ends, chance, networks, paired=paired)


def _margin(
    difference: float,
    ends: tuple[float | None, float | None],
    chance: RowChance,
    networks: tuple[Network, Network],
    *,
    paired: bool = False,
) -> Margin:
    """A lead whose interval has the chance in which rows validate, as far as that is known."""
    by_rows = chance.of_lead(*networks, difference)
    return Margin(difference, *widened(difference, ends, by_rows.error), paired=paired, rows=by_rows.found)


def _values(found: Mapping[int, float]) -> Gains:
    return np.array(list(found.values()))


def _ordered(standings: Sequence[Standing], objective: Objective, *, comparable: bool) -> tuple[Standing, ...]:
    """The best first, and those without a result last; as they were named where they cannot be compared."""
    if not comparable:
        return tuple(standings)
    return tuple(sorted(standings, key=lambda entry: math.inf if entry.value is None else -objective.gain(entry.value)))
