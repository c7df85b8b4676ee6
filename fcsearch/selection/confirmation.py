"""The best configurations, trained again with other seeds."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fcsearch.config.objective import Objective
from fcsearch.results import RANKED_STATES, RunDirectory, best_row, objective_of
from fcsearch.selection.trained_again import rows_of, trainings_that_count

# Student's t: 97.5 % lie below, by degrees of freedom; from ten on, about two.
_STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
_NORMAL = 2.0


@dataclass(frozen=True)
class Confirmed:
    """A configuration over its seeds.

    Attributes:
        trial_id: The trial whose configuration it is.
        search_value: The objective that the search found, with the run's own seed.
        values: The objective with each of the other seeds, by seed.
        mean: Of the values; None if there is none.
        deviation: Their standard deviation; None if there are fewer than two.
        best_epoch: Mean best epoch.
        lost: Seeds with which it diverged or failed.
        difference: By how much the winner's value is better, mean over the seeds that both have; 0 for the winner.
        difference_error: Standard error of that mean, by seeds and by rows; None if they share fewer than two seeds.
        tied: Whether chance explains the difference.
        fewer_seeds: Whether it lacks seeds that others have, as one of an earlier confirmation may: it is not ranked.
    """

    trial_id: int
    search_value: float
    values: dict[int, float]
    mean: float | None
    deviation: float | None
    best_epoch: float | None
    lost: int
    difference: float | None = None
    difference_error: float | None = None
    tied: bool = False
    fewer_seeds: bool = False


@dataclass(frozen=True)
class Confirmation:
    """The best configurations over several seeds.

    Attributes:
        objective: What is measured, by name, on the validation rows.
        seeds: With which seeds: those that were planned, and others that all planned configurations have.
        asked: How many trainings the planned configurations need for all of these seeds.
        done: How many of them have ended.
        configurations: The winner first, and those with fewer seeds last.
        bias: By how much the search's values are better than those with other seeds, mean over the ranked ones.
    """

    objective: str
    seeds: tuple[int, ...]
    asked: int
    done: int
    configurations: tuple[Confirmed, ...]
    bias: float | None

    @property
    def complete(self) -> bool:
        """Whether all of the trainings that were asked for have ended."""
        return self.done >= self.asked

    @property
    def ranked(self) -> tuple[Confirmed, ...]:
        """The configurations that have the same seeds."""
        return tuple(entry for entry in self.configurations if not entry.fewer_seeds)

    @property
    def winner(self) -> Confirmed | None:
        """The configuration with the best mean; None before all are done, or if none has a result."""
        first = self.configurations[0] if self.configurations else None
        return first if self.complete and first is not None and first.mean is not None else None

    @property
    def ties(self) -> tuple[int, ...]:
        """Trials whose distance to the winner chance explains; none before there is a winner."""
        if self.winner is None:
            return ()
        return tuple(entry.trial_id for entry in self.ranked[1:] if entry.tied)

    @property
    def ahead(self) -> tuple[int, ...]:
        """Unranked trials that are better than the winner with the seeds that both have, by more than the error."""
        if self.winner is None:
            return ()
        return tuple(
            entry.trial_id
            for entry in self.configurations
            if entry.fewer_seeds and entry.lost <= self.winner.lost and _leads(entry)
        )

    @property
    def beaten(self) -> tuple[int, ...]:
        """Trials that the winner beats by more than chance explains; none before there is a winner."""
        if self.winner is None:
            return ()
        return tuple(entry.trial_id for entry in self.ranked[1:] if not entry.tied)


def _leads(entry: Confirmed) -> bool:
    """Whether it is better than the winner by more than the error of the difference."""
    if entry.difference is None or entry.difference_error is None:
        return False
    return -entry.difference > entry.difference_error


def chosen_trial(run: RunDirectory) -> int:
    """The trial whose network is the run's answer: the confirmed winner, else the best of the search.

    Raises:
        RunError: no trial has a result.
    """
    found = confirmation_of(run)
    if found is not None and found.winner is not None:
        return found.winner.trial_id
    return best_trial(run)


def best_trial(run: RunDirectory) -> int:
    """The best trial of the search; RunError if no trial has a result."""
    best: int = best_row(run.trials(), run=run.path)["trial_id"]
    return best


def confirmation_of(run: RunDirectory) -> Confirmation | None:
    """The run's confirmation, as far as it is done; None if none was planned.

    What an earlier one has trained stays: its seeds, where all that are planned now have them, and its configurations.
    """
    planned = run.manifest().confirmation
    if planned is None or not planned.trials:
        return None
    table, rows = run.trials(), trainings_that_count(run)
    searched = rows_of(table, {*planned.trials, *(row["trial_id"] for row in rows)})
    done: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        done[row["trial_id"]].add(row["seed"])
    everywhere = set.intersection(*(done[trial] for trial in planned.trials))
    seeds = (*planned.seeds, *sorted(everywhere - set(planned.seeds)))
    others = [searched[trial] for trial in sorted(done.keys() - set(planned.trials))]
    found = weigh(
        # While a damaged row, or an unfinished one, is being replaced there is none.
        [searched[trial] for trial in planned.trials if trial in searched],
        rows,
        seeds=seeds,
        objective=objective_of(table),
        earlier=[row for row in others if row["state"] in RANKED_STATES],
        measured_on=rows_measured_on(run),
    )
    return replace(found, asked=len(planned.trials) * len(seeds))


def is_settled(run: RunDirectory) -> bool:
    """Whether no training with another seed is still to come that could change the winner."""
    planned, found = run.manifest().confirmation, confirmation_of(run)
    return planned is None or planned.out_of_time or found is None or found.complete


def rows_measured_on(run: RunDirectory) -> int | None:
    """How many rows a trial's figure is measured on: with folds those of all folds; None if it is not known."""
    described = run.manifest().dataset
    if described is None or described.rows.val is None:
        return None
    return described.rows.val + (described.rows.train or 0) if described.folds else described.rows.val


def weigh(
    searched: Sequence[Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]],
    *,
    seeds: Sequence[int],
    objective: Objective,
    earlier: Sequence[Mapping[str, Any]] = (),
    measured_on: int | None = None,
) -> Confirmation:
    """Compare configurations over seeds.

    Args:
        searched: The row of each in the trials table.
        rows: Their rows of the confirmations table, as far as there are; other seeds are passed over.
        seeds: The seeds by which they are compared.
        objective: What they are compared by.
        earlier: The rows in the trials table of others, which an earlier confirmation has trained.
        measured_on: The number of validation rows, the same for all; None: not known, so that only seeds are chance.
    """
    by_trial: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["seed"] in seeds:
            by_trial[row["trial_id"]].append(row)
    done = sum(len(by_trial[row["trial_id"]]) for row in searched)
    found = [_confirmed(row, by_trial[row["trial_id"]], objective) for row in searched]
    for row in earlier:
        if again := by_trial[row["trial_id"]]:
            entry = _confirmed(row, again, objective)
            found.append(replace(entry, fewer_seeds=len(again) < len(seeds)))
    # A configuration that diverged with some seed comes after those that never did.
    found.sort(key=lambda entry: (entry.fewer_seeds, entry.lost, _loss(entry, objective)))
    winner = found[0] if found else None
    compared = [_compared(entry, winner, objective, measured_on) for entry in found] if winner else []
    ranked = [entry for entry in found if not entry.fewer_seeds]
    excess = [objective.gain(e.search_value) - objective.gain(e.mean) for e in ranked if e.mean is not None]
    return Confirmation(
        objective=objective.name,
        seeds=tuple(seeds),
        asked=len(searched) * len(seeds),
        done=done,
        configurations=tuple(compared),
        bias=statistics.fmean(excess) if excess else None,
    )


def _loss(entry: Confirmed, objective: Objective) -> float:
    """What puts the best mean first, and those without one last."""
    return math.inf if entry.mean is None else -objective.gain(entry.mean)


def _confirmed(searched: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], objective: Objective) -> Confirmed:
    measured = [row for row in rows if row["state"] in RANKED_STATES and row[objective.column] is not None]
    values = {row["seed"]: row[objective.column] for row in sorted(measured, key=lambda row: row["seed"])}
    return Confirmed(
        trial_id=searched["trial_id"],
        search_value=searched[objective.column],
        values=values,
        mean=statistics.fmean(values.values()) if values else None,
        deviation=statistics.stdev(values.values()) if len(values) > 1 else None,
        best_epoch=statistics.fmean(row["best_epoch"] for row in measured) if measured else None,
        lost=len(rows) - len(measured),
    )


def _compared(entry: Confirmed, winner: Confirmed, objective: Objective, measured_on: int | None) -> Confirmed:
    """The entry with its difference to the winner, paired by seed: what a seed does to both cancels out."""
    shared = [seed for seed in entry.values if seed in winner.values]
    if not shared:
        return entry
    gains = [objective.gain(winner.values[seed]) - objective.gain(entry.values[seed]) for seed in shared]
    mean = statistics.fmean(gains)
    by_rows = error_by_rows(mean, objective, measured_on)
    # A single pair says nothing about chance.
    error, explained = None, True
    if len(gains) > 1:
        by_seeds = statistics.stdev(gains) / math.sqrt(len(gains))
        error = math.hypot(by_seeds, by_rows)
        explained = abs(mean) <= math.hypot(_student(gains) * by_seeds, _NORMAL * by_rows)
    tied = entry is not winner and not entry.fewer_seeds and entry.lost == winner.lost and explained
    return replace(entry, difference=mean, difference_error=error, tied=tied)


def error_by_rows(difference: float, objective: Objective, rows: int | None) -> float:
    """The least standard error that the rows give to a difference; 0 where it is not known, for all but accuracies.

    All seeds are judged on the same rows, so more seeds do not make it smaller. Two models whose shares of right rows
    differ by d disagree on at least d of the rows: the variance of the difference is at least d / rows (McNemar 1947).
    """
    if rows is None or not objective.is_share_of_rows:
        return 0.0
    return math.sqrt(abs(difference) / rows)


def _student(gains: Sequence[float]) -> float:
    freedom = len(gains) - 1
    return _STUDENT[freedom - 1] if freedom <= len(_STUDENT) else _NORMAL
